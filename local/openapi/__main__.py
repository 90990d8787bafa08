"""Write docs/openapi.json: `python -m local.openapi`."""

from local.openapi.document import text
from local.openapi.reference import COMMITTED

if __name__ == "__main__":
    COMMITTED.write_text(text(), encoding="utf-8")
