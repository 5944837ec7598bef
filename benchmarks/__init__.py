"""Benchmarks. ``python -m benchmarks`` runs all, ``python -m benchmarks NAME`` one of them.

A benchmark is a module of this package with ``run(rounds) -> dict`` and
``describe(result) -> str``, and its own number of ``ROUNDS`` if it wants one. ``--save``
writes its result to ``results/NAME.json``.
"""
