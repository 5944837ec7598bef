"""What wrong answers of ``noise`` share."""

from tests.bank import fails


def part_of(whole):
    """Return ``fails`` for functions that return a part of an answer; ``whole`` makes the
    answer of such a function."""

    def fails_by(checks, mistake):
        def mark(part):
            answer = whole(part)
            answer.__name__, answer.__doc__ = part.__name__, part.__doc__
            return fails(checks, mistake)(answer)

        return mark

    return fails_by
