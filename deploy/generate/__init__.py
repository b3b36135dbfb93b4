"""Makes the files of ``deploy/`` that follow from the program: ``python -m deploy.generate``."""
