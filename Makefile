PYTHON ?= python3

.PHONY: help setup book wheel live editions test test-all bench lock lint build clean

help:
	@$(PYTHON) dev.py || true

setup book wheel live editions test test-all bench lock lint build clean:
	@$(PYTHON) dev.py $@
