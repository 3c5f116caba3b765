"""`python -m tap_bitrix24.export`: the command `bitrix24-export`."""

from tap_bitrix24.export.command import main

if __name__ == "__main__":
    main()
