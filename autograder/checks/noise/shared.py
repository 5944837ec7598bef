"""What the exercises of ``noise`` share."""

from autograder.laws.binomial import agreement

FEW = 0.7
AGREE = agreement(FEW, detects=0.02)
