"""What stands for a label where the label itself would be too large or is nobody's business."""

import hashlib

DIGEST_BYTES = 16


def label_digest(label: bytes) -> str:
    """Return the digest of a canonical label's bytes, as `encoded` writes them: BLAKE2b, 128 bits, in hex.

    Equal digests mean equal labels. It is no secret: whoever knows the classes can try each.

    >>> label_digest(b'"yes"')
    '5a5609f8c2541abceabb3c2f56fdfacb'
    """
    return hashlib.blake2b(label, digest_size=DIGEST_BYTES).hexdigest()
