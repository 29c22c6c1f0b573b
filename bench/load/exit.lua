-- Shows that wrk runs: its own -v exits with 1.
os.exit(0)
