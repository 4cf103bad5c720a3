"""Lists by pages: nothing twice, nothing left out, markers that cannot be forged or moved to another list."""

import uuid

import pytest

from refusals import refused


@pytest.fixture(scope="module")
def region(server):
    """A Region of its own with 25 keys, one of them with 25 aliases and 25 tags."""
    kms = server.kms(region="eu-south-2")
    tags = [{"TagKey": f"tag{number:02}", "TagValue": "v"} for number in range(25)]
    keys = [kms.create_key(Tags=tags if number == 0 else [])["KeyMetadata"]["KeyId"] for number in range(25)]
    aliases = [f"alias/{number:02}" for number in range(25)]
    for name in aliases:
        kms.create_alias(AliasName=name, TargetKeyId=keys[0])
    return kms, keys, aliases


def pages(call, **parameters):
    """All pages; checks each page's size and that Truncated and NextMarker agree."""
    marker = {}
    while True:
        page = call(**parameters, **marker)
        yield page
        assert page["Truncated"] == ("NextMarker" in page)
        if not page["Truncated"]:
            return
        marker = {"Marker": page["NextMarker"]}


@pytest.mark.parametrize("limit", [1, 7, 24, 25, 26, 1000])
def test_list_keys(region, limit):
    kms, keys, _ = region
    listed = list(pages(kms.list_keys, Limit=limit))
    assert all(len(page["Keys"]) <= limit for page in listed)
    assert sorted(key["KeyId"] for page in listed for key in page["Keys"]) == sorted(keys)
    assert all(key["KeyArn"].endswith(f":key/{key['KeyId']}") for page in listed for key in page["Keys"])


@pytest.mark.parametrize("limit", [1, 7, 25, 1000])
def test_list_aliases(region, limit):
    kms, keys, aliases = region
    for filters in [{}, {"KeyId": keys[0]}]:
        listed = list(pages(kms.list_aliases, Limit=limit, **filters))
        assert all(len(page["Aliases"]) <= limit for page in listed)
        assert sorted(alias["AliasName"] for page in listed for alias in page["Aliases"]) == aliases
    assert list(pages(kms.list_aliases, KeyId=keys[1]))[0]["Aliases"] == []


@pytest.mark.parametrize("limit", [1, 7, 25, 1000])
def test_list_resource_tags(region, limit):
    kms, keys, _ = region
    listed = list(pages(kms.list_resource_tags, KeyId=keys[0], Limit=limit))
    assert all(len(page["Tags"]) <= limit for page in listed)
    assert [tag["TagKey"] for page in listed for tag in page["Tags"]] == [f"tag{number:02}" for number in range(25)]


def test_list_key_policies(region):
    kms, keys, _ = region
    assert [page["PolicyNames"] for page in pages(kms.list_key_policies, KeyId=keys[0], Limit=1)] == [["default"]]


def test_without_a_limit(region):
    kms, keys, aliases = region
    assert len(kms.list_keys()["Keys"]) == len(keys)
    assert len(kms.list_aliases()["Aliases"]) == len(aliases)


def test_paginators_of_boto3(region):
    kms, keys, aliases = region
    found = [
        key["KeyId"]
        for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 4})
        for key in page["Keys"]
    ]
    assert sorted(found) == sorted(keys)
    found = [
        alias["AliasName"]
        for page in kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 4})
        for alias in page["Aliases"]
    ]
    assert sorted(found) == aliases


def test_a_deleted_member_breaks_no_listing(region):
    kms, keys, _ = region
    extra = [f"alias/00{uuid.uuid4().hex[:6]}" for _ in range(4)]
    for name in extra:
        kms.create_alias(AliasName=name, TargetKeyId=keys[1])
    first = kms.list_aliases(KeyId=keys[1], Limit=2)
    for name in extra:
        kms.delete_alias(AliasName=name)
    rest = kms.list_aliases(KeyId=keys[1], Limit=2, Marker=first["NextMarker"])
    assert (rest["Aliases"], rest["Truncated"]) == ([], False)


@pytest.mark.parametrize("marker", ["forged", "AAAA", "x" * 1024])
def test_forged_markers(region, marker):
    kms, keys, _ = region
    for call in [
        lambda: kms.list_keys(Marker=marker),
        lambda: kms.list_aliases(Marker=marker),
        lambda: kms.list_resource_tags(KeyId=keys[0], Marker=marker),
    ]:
        with refused("InvalidMarkerException", None, 400):
            call()


def test_markers_stay_with_their_list(region, server, other_kms):
    kms, keys, _ = region
    of_keys = kms.list_keys(Limit=1)["NextMarker"]
    of_aliases = kms.list_aliases(Limit=1)["NextMarker"]
    of_one_key = kms.list_aliases(KeyId=keys[0], Limit=1)["NextMarker"]
    of_tags = kms.list_resource_tags(KeyId=keys[0], Limit=1)["NextMarker"]
    elsewhere = server.kms(region="eu-west-1")
    for call in [
        lambda: kms.list_aliases(Marker=of_keys),
        lambda: kms.list_keys(Marker=of_aliases),
        lambda: kms.list_aliases(Marker=of_one_key),
        lambda: kms.list_aliases(KeyId=keys[1], Marker=of_one_key),
        lambda: kms.list_resource_tags(KeyId=keys[1], Marker=of_tags),
        lambda: elsewhere.list_keys(Marker=of_keys),
        lambda: other_kms.list_keys(Marker=of_keys),
    ]:
        with refused("InvalidMarkerException", None, 400):
            call()


def test_a_tampered_marker(region):
    kms, _, _ = region
    marker = kms.list_keys(Limit=1)["NextMarker"]
    for place in range(0, len(marker), 5):
        other = "A" if marker[place] != "A" else "B"
        tampered = marker[:place] + other + marker[place + 1 :]
        with refused("InvalidMarkerException", None, 400):
            kms.list_keys(Marker=tampered)
