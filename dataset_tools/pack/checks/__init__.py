"""The promises of a pack, one file a kind; `pack.check` asks them in order."""
