"""Every parameter of the stages, with unit, default and meaning, one file a stage.

A field's docstring is its help on the command line, its name with dashes the option.
"""
