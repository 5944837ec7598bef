"""What others report about dropout in use, line by line with its source.

The chapter *Dropout in practice today* prints these tables. Rates are drop rates, as the
sources write them; nothing here was measured by us.
"""

from dataclasses import dataclass

GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Source:
    """An address that was read: a repository at a commit, a thread, or a reference."""

    text: str
    address: str

    @property
    def markdown(self) -> str:
        """The source as MyST: a link, or a citation."""
        if self.address.startswith("cite:"):
            return f"{{cite}}`{self.address.removeprefix('cite:')}`"
        return f"[{self.text}]({self.address})"


def source(given: str) -> Source:
    """Return the source behind ``owner/name@commit`` (a repository as it was),
    ``owner/name#number`` (an issue or pull request) or ``cite:key`` (a reference).

    Raises ``ValueError`` for another form."""
    name, at, commit = given.partition("@")
    if at:
        return Source(name.partition("/")[2], f"{GITHUB}{name}/tree/{commit}")
    name, number_sign, number = given.partition("#")
    if number_sign:
        return Source(f"{name} #{number}", f"{GITHUB}{name}/issues/{number}")
    if given.startswith("cite:"):
        return Source(given, given)
    raise ValueError(
        f"{given!r} is no source: owner/name@commit, owner/name#1, cite:key"
    )


#: Model; year; units (embeddings, residual, MLP); attention weights; before the
#: classifier; residual paths; source. "-" where the model has no such place, or the source
#: does not say.
_RATES = """
AlexNet; 2012; -; -; .5 twice; -; pytorch/vision@00658a22
AWD-LSTM, defaults; 2017; input .65, words .1, layers .3, recurrent weights .5, output .4; -; -; -; salesforce/awd-lstm-lm@1d466ec5
BERT; 2018; .1; .1; 0; -; google-research/bert@0017e7ec
GPT-2, as ported; 2019; .1; .1; -; -; huggingface/transformers@01ae98ae
RoBERTa base; 2019; .1; .1; -; -; facebookresearch/fairseq@3d262bb2
EfficientNet; 2019; -; -; B3 .3, B4-5 .4, B6-7 .5; .2; pytorch/vision@07a929e8
T5 v1.1, pretraining; 2020; 0; 0; -; -; google-research/text-to-text-transfer-transformer@e081111c
ViT-B/16; 2020; 0; 0; -; -; google-research/vision_transformer@c6de1e53
ViT-L/16, H/14; 2020; .1; 0; -; -; google-research/vision_transformer@c6de1e53
DeiT; 2021; 0; -; -; .1; facebookresearch/deit@7e160fe4
Swin T, S, B; 2021; 0; -; -; .2, .3, .5; microsoft/Swin-Transformer@f82860bf
ConvNeXt T, S, B, L; 2022; -; -; -; .1, .4, .5, .5; facebookresearch/ConvNeXt@048efcea
Whisper; 2022; 0; 0; -; -; huggingface/transformers@02ae6dd3
LLaMA 1 and 2; 2023; none; none; none; none; facebookresearch/llama@54c22c0d
Pythia, 14M to 12B; 2023; 0; 0; -; -; EleutherAI/pythia@a19eecb8
OLMo 2; 2024; 0; 0; -; -; allenai/OLMo@59a53e3f
"""  # noqa: E501

#: Path rates by size (T, S, B, L, XL): trained on the smaller ImageNet from scratch, and in
#: the training that has the larger one (22,000 classes) in it.
PATH_RATES = {
    "Swin": {"T": 0.2, "S": 0.3, "B": 0.5},
    "Swin, 22k pretraining": {"T": 0.1, "S": 0.2, "B": 0.2},
    "ConvNeXt": {"T": 0.1, "S": 0.4, "B": 0.5, "L": 0.5},
    "ConvNeXt, fine-tuned from 22k": {"B": 0.2, "L": 0.3, "XL": 0.4},
}

#: Top-1 accuracy on ImageNet in percent, of small models that underfit: without, with
#: standard and with early dropout, and with standard and early stochastic depth.
EARLY = {
    "ViT-T": (73.9, 67.9, 74.3, 72.6, 74.4),
    "Mixer-S": (71.0, 67.1, 71.3, 70.5, 71.7),
    "Swin-F": (74.3, 71.6, 74.7, 73.7, 75.2),
    "ConvNeXt-F": (76.1, None, None, 75.5, 76.3),
}

#: Advice; what was seen; how far it goes; source.
_WHEN_NOT = """
Before batch norm; DenseNet on CIFAR-100: 77.42% without, 68.55% with rate .5 in each bottleneck; good, and the variance can be computed; wide residual networks are the stated exception; cite:li2019understanding
In pretraining over one epoch; BERT, Pythia 160M and 1.4B: without is better in loss, on BLiMP, SQuAD and MNLI, than with standard or early dropout; good, for these sizes; cite:liu2025drop
In a model that underfits, for the whole run; ViT-T: 73.9% without, 67.9% with rate .1; good, four architectures; cite:liu2023dropout
In reinforcement learning from a fixed policy; log-probabilities of two passes differ, and the first ratios are not 1; a reason, not a measurement: trainers can switch it off; huggingface/trl#3234
In an exported graph; eval() has no effect on the exported dropout; a fact about tools; pytorch/pytorch#108255
"""  # noqa: E501

#: Symptom; usual cause; a check of one line; a thread where it happened.
_SYMPTOMS = """
Outputs vary in evaluation mode; a fused attention function takes the rate as an argument and knows no mode; two calls are equal; pytorch/pytorch#124464
Outputs vary without gradients; `no_grad` is not `eval()`; print each module's `training`; mertyg/vision-language-models-are-bows#17
They still vary after `eval()`; a functional call with `training=True` written out; search for it; Coderx7/SimpleNet#2
No regularisation after the first evaluation; the rate was set to 0 for it and never back; print the rate after `train()`; NVIDIA/Megatron-LM#411
Far too strong or too weak; keep probability passed as drop rate; the share of zeros on ones; hunkim/DeepLearningZeroToAll#122
Loss is worse with activation checkpointing; the recomputed pass draws other masks; gradients with it on and off; allenai/OLMo-core#828
Worse on many devices than on one; equal seeds on all; print the first mask of each; huggingface/transformers#31412
Compiled and eager runs differ; another generator, by design; compare rates, not masks; pytorch/pytorch#118735
A resumed run leaves its curve; generator states were not saved; save all of them; huggingface/transformers#17032
An error about unused parameters; a whole layer was skipped; multiply by 0, or let the framework look for unused ones; facebookresearch/fairseq#2389
A shape error in a recurrent cell at the second batch; the mask of the first one is cached; two batches of different sizes; tensorflow/addons#536
A test pass that is too small; both rules of stochastic depth at once; the test output is x plus the branch; mosaicml/composer#372
"""  # noqa: E501


def _rows(text: str) -> list[list[str]]:
    return [line.split("; ") for line in text.strip().splitlines()]


def _table(head: list[str], rows: list[list[str]]) -> str:
    # Columns of words are left-aligned by name: on a phone they are at least so wide.
    widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    rule = [":--" if width > 24 else "---" for width in widths]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rates() -> str:
    """Return the rates in use as a MyST table."""
    rows = [
        [
            f"{name} ({year})",
            *(each.replace("-", "–") for each in places),
            source(at).markdown,
        ]
        for name, year, *places, at in _rows(_RATES)
    ]
    head = [
        "Model",
        "Units",
        "Attention weights",
        "Before the classifier",
        "Paths",
        "Read in",
    ]
    return _table(head, rows)


def early() -> str:
    """Return the accuracies of early and standard dropout as a MyST table."""
    head = [
        "Model",
        "none",
        "dropout",
        "early dropout",
        "stochastic depth",
        "early s.d.",
    ]
    rows = []
    for model, values in EARLY.items():
        best = max(value for value in values if value is not None)
        cells = ["–" if value is None else f"{value:.1f}" for value in values]
        rows.append([model, *(f"**{c}**" if c == f"{best:.1f}" else c for c in cells)])
    return _table(head, rows)


def when_not() -> str:
    """Return the cases against dropout as a MyST table."""
    head = ["Better without", "What was seen", "How far it goes", "Source"]
    rows = [
        [*row[:2], "; ".join(row[2:-1]), source(row[-1]).markdown]
        for row in _rows(_WHEN_NOT)
    ]
    return _table(head, rows)


def symptoms() -> str:
    """Return the checklist for a layer that misbehaves as a MyST table."""
    head = ["Symptom", "Usual cause", "Check", "Seen in"]
    rows = [[*row[:-1], source(row[-1]).markdown] for row in _rows(_SYMPTOMS)]
    return _table(head, rows)
