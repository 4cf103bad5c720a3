"""Tags of keys. Source: API reference, TagResource; resource quotas."""

import pytest

from refusals import refused, violations


def tags_of(kms, key):
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]}


def tag_list(tags):
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


def test_tags_at_creation(kms):
    tags = {"team": "payments", "empty": "", "ünï": "cödé", "path": "a/b=c+d-e:f@g_h.i"}
    key = kms.create_key(Tags=tag_list(tags))["KeyMetadata"]
    assert tags_of(kms, key) == tags


def test_tag_overwrite_and_untag(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"a": "1", "b": "2"}))
    kms.tag_resource(KeyId=key["Arn"], Tags=tag_list({"b": "3", "c": "4"}))
    assert tags_of(kms, key) == {"a": "1", "b": "3", "c": "4"}
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["a", "absent"])
    assert tags_of(kms, key) == {"b": "3", "c": "4"}


def test_names_differ_by_case(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"Team": "1", "team": "2"}))
    assert tags_of(kms, key) == {"Team": "1", "team": "2"}


REFUSED = [
    ([("a", "1"), ("a", "2")], "Duplicate tag keys"),
    ([(f"k{number}", "") for number in range(51)], "Too many tags"),
    ([("aws:mine", "1")], "Tags beginning with aws: are reserved"),
    ([("AWS:mine", "1")], "Tags beginning with aws: are reserved"),
]


@pytest.mark.parametrize(("pairs", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused_alike_by_create_key_and_tag_resource(kms, key, pairs, message):
    tags = [{"TagKey": name, "TagValue": value} for name, value in pairs]
    for call in [lambda: kms.create_key(Tags=tags), lambda: kms.tag_resource(KeyId=key["KeyId"], Tags=tags)]:
        with refused("TagException", message, 400):
            call()
    assert tags_of(kms, key) == {}


def test_fifty_tags_per_key(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({f"k{number}": "v" for number in range(50)}))
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"k7": "overwritten"}))
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"one-more": "v"}))
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["k0"])
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"one-more": "v"}))
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Truncated"] is False


def test_lengths(kms, key):
    kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({"k" * 128: "v" * 256}))
    long_name, long_value = "k" * 129, "v" * 257
    less = "failed to satisfy constraint: Member must have length less than or equal to"
    with refused(
        "ValidationException",
        violations(
            f"Value '{long_name}' at 'tags.1.member.tagKey' {less} 128",
            f"Value '{long_value}' at 'tags.2.member.tagValue' {less} 256",
        ),
        400,
    ):
        kms.tag_resource(KeyId=key["KeyId"], Tags=tag_list({long_name: "", "b": long_value}))
