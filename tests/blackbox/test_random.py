"""GenerateRandom. Source: API reference."""

import pytest

from refusals import refused


@pytest.mark.parametrize("length", [1, 32, 1024])
def test_random(kms, length):
    drawn = [kms.generate_random(NumberOfBytes=length)["Plaintext"] for _ in range(3)]
    assert {len(one) for one in drawn} == {length}
    assert length == 1 or len(set(drawn)) == 3


def test_number_of_bytes_is_required(kms):
    with refused("ValidationException", "NumberOfBytes is required.", 400):
        kms.generate_random()


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (0, "Member must have value greater than or equal to 1"),
        (1025, "Member must have value less than or equal to 1024"),
    ],
)
def test_range(server, number, rule):
    lenient = server.kms(parameter_validation=False)
    message = f"1 validation error detected: Value '{number}' at 'numberOfBytes' failed to satisfy constraint: {rule}"
    with refused("ValidationException", message, 400):
        lenient.generate_random(NumberOfBytes=number)
