"""AWS gives a key a random id. Here a tag may choose the id.

This is no deviation of MiniStack 1.5.33: with the tag, the ids in events/ are those of keys in the embedded cloud.
Source: AWS KMS API Reference, CreateKey, https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
"""

import threading

import support

KEY_ID_TAG = "local:key-id"


def apply():
    """Create a key with the id that its tag names."""
    from ministack.services import kms

    create_key = support.original(kms, "_create_key", "(data)")
    new_uuid = support.original(kms, "new_uuid", "()")
    lock = threading.Lock()

    def create_key_with_id(data):
        wanted = next((tag["TagValue"] for tag in data.get("Tags", []) if tag.get("TagKey") == KEY_ID_TAG), None)
        with lock:
            if wanted is not None:
                kms.new_uuid = lambda: wanted
            try:
                return create_key(data)
            finally:
                kms.new_uuid = new_uuid

    kms._create_key = create_key_with_id
