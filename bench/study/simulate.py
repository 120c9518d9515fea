"""The subcommand simulate."""

def machines():
    return {}
