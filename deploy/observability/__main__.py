"""Write the dashboard's JSON: `python -m deploy.observability`."""

from deploy.observability.dashboard import FILE, text

if __name__ == "__main__":
    FILE.write_text(text())
    print(FILE)
