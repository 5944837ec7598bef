"""Correct answers to ``is_inverted_dropout`` in other styles."""

import math

import numpy as np

from tests.bank import Styles


def values_and_test_mode_are_right(dropout, x, keep_prob, rng):
    """Return the bits of a call, or None when a value or the test mode is wrong."""
    out, _ = dropout(x, keep_prob, rng)
    bits = out != 0
    right = np.allclose(out, np.where(bits, x / keep_prob, 0))
    right = right and np.array_equal(dropout(x, keep_prob, rng, training=False)[0], x)
    return bits if right else None


class Answers(Styles, of="is_inverted_dropout"):
    def judges_by_z_scores(dropout, rng):
        """Normal approximations, with limits far out instead of exact tails."""
        for keep_prob in (0.25, 0.7):
            x = rng.uniform(1, 5, (200, 40)) * rng.choice([-1, 1], (200, 40))
            bits = values_and_test_mode_are_right(dropout, x, keep_prob, rng)
            if bits is None:
                return False
            later = dropout(x, keep_prob, rng)[0] != 0
            var = keep_prob * (1 - keep_prob)
            noise = (bits - keep_prob) / np.sqrt(var)
            again = (later - keep_prob) / np.sqrt(var)
            scores = [
                noise.mean(axis=None) * np.sqrt(noise.size),
                (noise * np.sign(x)).mean() * np.sqrt(noise.size),
                (noise * again).mean() * np.sqrt(noise.size),
                (noise[:-1] * noise[1:]).mean() * np.sqrt(noise[1:].size),
                (noise[:, :-1] * noise[:, 1:]).mean() * np.sqrt(noise[:, 1:].size),
            ]
            if np.max(np.abs(scores)) > 4:
                return False
            # Counts in rows: their variance is that of a binomial, within 6 sigma.
            spread = noise.sum(axis=1).var() / bits.shape[1]
            if abs(spread - 1) > 6 * np.sqrt(2 / 200):
                return False
        return True

    def judges_image_batches(dropout, rng):
        """Four axes, Hoeffding's bound for everything, NumPy's bool as the answer."""
        shape = (8, 8, 16, 16)
        verdict = np.bool_(True)
        for keep_prob in (0.4, 0.9):
            x = rng.uniform(-2, 2, shape)
            x[np.abs(x) < 0.01] = 1.0
            bits = values_and_test_mode_are_right(dropout, x, keep_prob, rng)
            if bits is None:
                return np.False_
            later = dropout(x, keep_prob, rng)[0] != 0
            alike = keep_prob**2 + (1 - keep_prob) ** 2

            def within(events, probability):
                return abs(events.mean() - probability) < math.sqrt(
                    math.log(2 / 4e-4) / 2 / events.size
                )

            verdict = verdict & within(bits, keep_prob)
            verdict = verdict & within(bits[x > 0], keep_prob)
            verdict = verdict & within(bits[x < 0], keep_prob)
            verdict = verdict & within(bits[:4] == bits[4:], alike)
            verdict = verdict & within(bits == later, alike)
            verdict = verdict & within(bits[..., ::2] == bits[..., 1::2], alike)
            counts = bits.reshape(-1, 16).sum(axis=1)
            chance = [
                math.comb(16, k) * keep_prob**k * (1 - keep_prob) ** (16 - k)
                for k in range(17)
            ]
            most = int(np.argmax(chance))
            verdict = verdict & within(counts == most, chance[most])
        return verdict

    def judges_in_plain_loops(dropout, rng):
        """Many small calls, counted with loops; the rare outcome decides."""
        for keep_prob in (0.2, 0.75):
            counts = {"kept": 0, "up": 0, "row": 0, "pair": 0, "call": 0, "full": 0}
            calls, before = 10, None
            for _ in range(calls):
                x = rng.uniform(1, 2, (20, 40)) * np.where(
                    rng.random((20, 40)) < 0.5, -1, 1
                )
                bits = values_and_test_mode_are_right(dropout, x, keep_prob, rng)
                if bits is None:
                    return False
                counts["kept"] += int(bits.sum())
                counts["up"] += int((bits == (x > 0)).sum())
                counts["row"] += int((bits[:10] == bits[10:]).sum())
                counts["pair"] += int((bits[:, ::2] == bits[:, 1::2]).sum())
                counts["call"] += 0 if before is None else int((bits == before).sum())
                for row in bits:
                    counts["full"] += int(row.sum() == round(40 * keep_prob))
                before = bits
            alike = 1 - 2 * keep_prob * (1 - keep_prob)
            k = round(40 * keep_prob)
            full = math.comb(40, k) * keep_prob**k * (1 - keep_prob) ** (40 - k)
            laws = {
                "kept": (calls * 800, keep_prob),
                "up": (calls * 800, 0.5),
                "row": (calls * 400, alike),
                "pair": (calls * 400, alike),
                "call": (calls * 800 - 800, alike),
                "full": (calls * 20, full),
            }
            for name, (n, probability) in laws.items():
                sd = math.sqrt(n * probability * (1 - probability))
                if abs(counts[name] - n * probability) > 4.1 * sd:
                    return False
        return True

    def judges_with_a_generator_of_its_own(dropout, rng):
        """Makes a generator from rng; correlations of whole rows and columns, chi-square."""
        own = np.random.default_rng(rng.integers(2**62))
        for keep_prob in (0.35, 0.85):
            x = np.where(own.random((150, 60)) < 0.5, -1.5, 0.7)
            bits = values_and_test_mode_are_right(dropout, x, keep_prob, own)
            if bits is None:
                return False
            later = dropout(x, keep_prob, own)[0] != 0
            alike = keep_prob**2 + (1 - keep_prob) ** 2
            cells = []
            for one, other, expected in (
                (bits, later, alike),
                (bits, x > 0, 0.5),
                (bits[::2], bits[1::2], alike),
                (bits[:, ::2], bits[:, 1::2], alike),
            ):
                gap = np.mean(one == other) - expected
                cells.append(one.size * gap**2 / (expected * (1 - expected)))
            var = keep_prob * (1 - keep_prob)
            cells.append(bits.size * (bits.mean() - keep_prob) ** 2 / var)
            rows = ((bits.sum(axis=1) - 60 * keep_prob) ** 2 / (60 * var)).sum()
            if max(cells) > 15 or abs(rows - 150) > 6 * math.sqrt(300):
                return False
        return True

    def judges_small_then_large(dropout, rng):
        """Rejects the obvious on small arrays; only who is left costs many numbers."""
        for keep_prob in (0.1, 0.6, 1.0):
            x = rng.uniform(1, 3, 30)
            if values_and_test_mode_are_right(dropout, x, keep_prob, rng) is None:
                return False
            if keep_prob == 1 and not np.array_equal(dropout(x, 1.0, rng)[0], x):
                return False
        keep_prob, n = 0.6, 15_000
        x = rng.permutation(np.repeat([-1.0, 1.0], n // 2)).reshape(-1, 30)
        bits = values_and_test_mode_are_right(dropout, x, keep_prob, rng)
        if bits is None:
            return False
        later = dropout(x, keep_prob, rng)[0] != 0
        centred, after = bits - keep_prob, later - keep_prob
        var = keep_prob * (1 - keep_prob)
        limit = 3.8
        sums = [
            centred.sum() / math.sqrt(n * var),
            (centred * x).sum() / math.sqrt(n * var),
            (centred * after).sum() / (math.sqrt(n) * var),
            (centred[::2] * centred[1::2]).sum() / (math.sqrt(n / 2) * var),
            (centred[:, ::2] * centred[:, 1::2]).sum() / (math.sqrt(n / 2) * var),
        ]
        spread = np.var(bits.sum(axis=1)) / (30 * var)
        return bool(max(map(abs, sums)) < limit and 0.6 < spread < 1.5)

    def judges_far_from_one_half(dropout, rng):
        """Keep probabilities of 0.12 and 0.9, where a rate may be off by 0.03 as well."""
        for keep_prob in (0.12, 0.9):
            x = rng.uniform(1, 2, (200, 50)) * rng.choice([-1, 1], (200, 50))
            bits = values_and_test_mode_are_right(dropout, x, keep_prob, rng)
            if bits is None:
                return False
            later = dropout(x, keep_prob, rng)[0] != 0
            alike = keep_prob**2 + (1 - keep_prob) ** 2
            mean = round(50 * keep_prob)
            ways = math.comb(50, mean)
            exact = ways * keep_prob**mean * (1 - keep_prob) ** (50 - mean)
            for events, chance in (
                (bits[x > 0], keep_prob),
                (bits[x < 0], keep_prob),
                (bits == later, alike),
                (bits[::2] == bits[1::2], alike),
                (bits[:, ::2] == bits[:, 1::2], alike),
                (bits.sum(axis=1) == mean, exact),
            ):
                sd = math.sqrt(chance * (1 - chance) / events.size)
                if abs(events.mean() - chance) > 4.5 * sd:
                    return False
        return True
