"""The pack: one folder that models are trained and tested on, and its tools."""
