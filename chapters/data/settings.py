"""The reference experiment, and how each training run of the book differs from it.

The scripts beside this file take their settings from here, and the page "Experiments"
makes its table of them.
"""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Settings:
    """How a network is trained on digits: SGD with momentum 0.9 on the cross-entropy.

    ``sizes`` are the widths of all layers, ``rows`` the number of training images, of
    which the share ``redrawn`` got a random label; ``batch`` 0 is the full batch. The
    learning ``rate`` is multiplied by ``decay`` after each epoch.
    """

    sizes: tuple[int, ...] = (64, 256, 256, 10)
    rows: int = 1000
    redrawn: float = 0.0
    keep_prob: float = 0.5
    rate: float = 0.05
    decay: float = 0.96
    momentum: float = 0.9
    batch: int = 50
    epochs: int = 60


REFERENCE = Settings()


@dataclass(frozen=True)
class Experiment:
    """Training runs that the section ``target`` reports.

    ``seeds`` says how many networks of a kind; ``varied`` what differs among the kinds,
    and ``why`` the reason of each setting that is not the reference's.
    """

    title: str
    target: str
    settings: Settings
    seeds: str
    varied: str
    why: str = ""


NOISY = replace(REFERENCE, rows=500, redrawn=0.3)

EXPERIMENTS = {
    "backward": Experiment(
        "one mask or two", "back-same-mask", REFERENCE, "12", "who shares a mask"
    ),
    "moments": Experiment(
        "weight decay", "moments-l2", REFERENCE, "6", "decay of weights"
    ),
    "noise": Experiment(
        "noises and schedules", "noise-training", REFERENCE, "12", "the noise"
    ),
    "noise_long": Experiment(
        "the same for longer",
        "noise-training",
        replace(REFERENCE, epochs=120, decay=0.96**0.5),
        "7",
        "the noise",
        "What looks like a gain may be a head start. The rate ends where it did.",
    ),
    "hurts": Experiment(
        "when dropout hurts",
        "schedules-hurts",
        REFERENCE,
        "12 to 24",
        "width 16 to 256, images 50 to 1,000, keep_prob",
        "Narrow layers and few images are the question.",
    ),
    "quantization": Experiment(
        "three divisors",
        "quant-fixed-count",
        replace(REFERENCE, epochs=40),
        "12 to 32",
        "width 16, 64 and 256, the divisor",
        "Small differences need many networks. These are 340, each with fewer epochs.",
    ),
    "full_batch": Experiment(
        "full batch, reseeded",
        "back-gradcheck",
        replace(REFERENCE, batch=0, epochs=200, rate=0.1, decay=1.0),
        "6",
        "images 300 and 1,000, fresh masks or not",
        "Mini-batches hide the bug. An epoch is one step here, so there are more, and "
        "larger ones.",
    ),
    "costs": Experiment(
        "the cost while training",
        "back-cost",
        replace(REFERENCE, epochs=30, decay=1.0),
        "6",
        "with masks and without",
        "The way is the question, not its end.",
    ),
    "averaged": Experiment(
        "k masks, clean labels",
        "back-same-mask",
        REFERENCE,
        "4",
        "masks in an average",
        "Sixteen masks cost sixteen times as much: fewer seeds.",
    ),
    "averaged_noisy": Experiment(
        "k masks, wrong labels",
        "back-same-mask",
        replace(NOISY, rate=0.1, epochs=100),
        "4",
        "masks in an average",
        "Noise can matter only if there is much to unlearn and the steps are large.",
    ),
    "monte_carlo": Experiment(
        "one pass or many",
        "ens-montecarlo",
        replace(REFERENCE, epochs=120, decay=0.99),
        "6",
        "rate 0.05 and 0.1",
        "Which average wins depends on how sure the network is: trained for longer it is "
        "surer, and two rates show two cases.",
    ),
    "narrow": Experiment(
        "all members of a layer",
        "ens-skip",
        replace(
            REFERENCE, sizes=(64, 12, 10), rate=0.1, decay=1.0, momentum=0.0, epochs=150
        ),
        "6",
        "the test pass",
        "Twelve units have few enough masks to try them all. Six more of the network "
        "that the chapter begins with: plain gradient descent, for long enough.",
    ),
    "deep": Experiment(
        "all members of two layers",
        "ens-geometric",
        replace(REFERENCE, sizes=(64, 8, 8, 10), keep_prob=0.8, decay=0.97),
        "6",
        "the average",
        "All pairs of masks are tried, so eight units a layer; these cannot spare half.",
    ),
    "forest": Experiment(
        "shared or separate weights",
        "ens-forest",
        replace(REFERENCE, sizes=(64, 128, 10), decay=0.95, epochs=40),
        "6",
        "shared weights or not",
        "Each repetition trains 16 networks besides, hence a smaller one.",
    ),
    "why": Experiment(
        "the dial",
        "why-dial",
        replace(NOISY, sizes=(64, 128, 10), decay=0.99, epochs=200),
        "12",
        "keep_prob 1 to 0.05, decay of weights",
        "Learning by heart must be seen, so there are wrong labels and time to learn "
        "them. One hidden layer, because its contributions to a logit are counted.",
    ),
    "why_harm": Experiment(
        "too few units",
        "why-dial",
        replace(REFERENCE, sizes=(64, 8, 10), rate=0.02, decay=0.98, epochs=100),
        "12",
        "keep_prob 1, 0.8, 0.5",
        "Eight units have none to spare: that is the point. Their noise is large, so the "
        "steps are smaller, and more.",
    ),
    "why_masks": Experiment(
        "is it the noise?",
        "why-noise",
        replace(NOISY, sizes=(64, 128, 128, 10), rate=0.1, decay=0.98, epochs=100),
        "6",
        "rate 0.1 and 0.02, masks in an average",
        "As the dial, with a second dropped layer; 16 masks a step are dear, so there "
        "are fewer epochs and seeds. Noise grows with the rate, so two rates.",
    ),
}


def differences(settings: Settings) -> list[str]:
    """Return in words what of ``settings`` is not the reference's."""
    words = {
        "sizes": "–".join(map(str, settings.sizes)),
        "rows": f"{settings.rows:,} images",
        "redrawn": f"{settings.redrawn:.0%} of labels random",
        "keep_prob": f"keep_prob {settings.keep_prob:g}",
        "rate": f"rate {settings.rate:g}",
        "decay": f"rate × {settings.decay:.3g} an epoch"
        if settings.decay != 1
        else "constant rate",
        "momentum": "no momentum",
        "batch": "full batch",
        "epochs": f"{settings.epochs} epochs",
    }
    names = [field.name for field in fields(Settings)]
    changed = [n for n in names if getattr(settings, n) != getattr(REFERENCE, n)]
    return [words[name] for name in changed]
