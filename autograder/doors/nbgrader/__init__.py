"""nbgrader's door: its commands, with our judge in place of the kernel."""

import sys

# jsonschema would compile a grammar of addresses, for seconds.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
