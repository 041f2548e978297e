"""`python -m scaler`: the commands around the pipeline."""

from scaler.cli.app import main

if __name__ == "__main__":
    main()
