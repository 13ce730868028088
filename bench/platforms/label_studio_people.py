"""Makes people in a Label Studio's database: run by its own interpreter, in its own environment.

``python label_studio_people.py COUNT`` prints a token a line. Its API has no call that makes a user with a token.
"""

import os
import sys
from importlib import import_module
from pathlib import Path


def main(count: int) -> None:
    """Make so many people of the one organisation, and print their tokens."""
    package = import_module("label_studio")
    sys.path.insert(0, str(Path(str(package.__file__)).parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "label_studio.core.settings.label_studio")
    import_module("django").setup()
    user_model = import_module("django.contrib.auth").get_user_model()
    organization = import_module("organizations.models").Organization.objects.first()
    token_model = import_module("rest_framework.authtoken.models").Token
    for number in range(count):
        email = f"annotator-{number:02}@example.com"
        person = user_model.objects.create_user(email=email, username=email)
        organization.add_user(person)
        person.active_organization = organization
        person.save()
        token, _ = token_model.objects.get_or_create(user=person)
        sys.stdout.write(f"{token.key}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
