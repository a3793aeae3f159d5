"""What the paths are called: behind the page's own address, and wherever one is meant."""

EXPLORE, LEARN, MEMORY, COMPARE, MODEL, TAKE_ALONG = (
    "explore", "learn", "memory", "compare", "model", "take_along",
)  # fmt: skip
PRESENT, DOCUMENT = "present", "document"
ALL = (EXPLORE, LEARN, MEMORY, COMPARE, MODEL, TAKE_ALONG, PRESENT, DOCUMENT)
"""In the order of the bar, in which the last does not stand."""
