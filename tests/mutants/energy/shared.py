"""What wrong answers of ``energy`` share."""

from tests.bank import fails


def of(right):
    """Return ``fails`` for the wrong part of an otherwise right answer, which ``right``
    makes whole: ``right(part, *args)``."""

    def part_fails(checks, mistake):
        def mark(part):
            def whole(*args, **kwargs):
                return right(part, *args, **kwargs)

            whole.__doc__ = part.__doc__
            return fails(checks, mistake)(whole)

        return mark

    return part_fails
