"""The page's paths, a module each: what stands under an address of its own, and runs and loads only what it shows."""
