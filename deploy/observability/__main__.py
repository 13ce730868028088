"""Write the boards' JSON: `python -m deploy.observability`."""

from deploy.observability.boards import BOARDS, path_of, text_of

if __name__ == "__main__":
    for name in BOARDS:
        path_of(name).write_text(text_of(name))
        print(path_of(name))
