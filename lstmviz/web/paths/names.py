"""What the paths are called: behind the page's own address, and wherever one is meant."""

EXPLORE, LEARN, DOCUMENT = "explore", "learn", "document"
ALL = (EXPLORE, LEARN, DOCUMENT)
"""In the order of the bar."""
