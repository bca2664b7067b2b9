"""Tests of the data sets; `python tests/test_data.py` packs src/trainlab/resources/fashion-mnist.npz again."""

import gzip
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trainlab import data, fashion_files
from trainlab.data import MNIST1D, Dataset, FashionMNIST, FromFunction, Split

NAMES = ("train_images", "train_labels", "test_images", "test_labels")
SMALL = MNIST1D(rows=60, validation=30, test=50)


def packaged_rows() -> dict[str, np.ndarray]:
    """The part of the full set that travels with the package: 1200 train and 200 test images of each class."""
    images, labels, test_images, test_labels = fashion_files.read_fashion_mnist()
    train = data.choose_rows(labels, per_class=1200, seed=0)
    test = data.choose_rows(test_labels, per_class=200, seed=0)
    return dict(zip(NAMES, (images[train], labels[train], test_images[test], test_labels[test]), strict=True))


def pack(file: Path) -> None:
    """Write an .npz whose members are packed by LZMA, a tenth smaller than by numpy's own compression."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in packaged_rows().items():
            member = zipfile.ZipInfo(f"{name}.npy")  # its fixed date makes the bytes repeatable
            member.compress_type = zipfile.ZIP_LZMA
            with archive.open(member, "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def sha256(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.numpy().tobytes()).hexdigest()


def row_set(split: Split) -> set[bytes]:
    return {row.tobytes() for row in split.x.numpy()}


# MNIST-1D


def test_the_published_mnist1d_by_its_hash() -> None:
    train = MNIST1D().load().train
    assert (train.x.shape, train.x.dtype, train.y.dtype) == ((4000, 40), torch.float32, torch.int64)
    assert sha256(train.x) == "d53506bddd12d3b72c7153b1ae7f34807724b1dd078a7273809bf9d0792319f6"
    assert sha256(train.y) == "d97dc7aecec8ad6b5d8f143ba3e9c4bd7e25c420d7dfc2eb990591cfc0ed3e15"


def test_the_published_generator_agrees_on_all_5000_rows() -> None:
    from mnist1d.data import make_dataset

    published = make_dataset()
    x, y = data.make_mnist1d(5000, np.random.RandomState(42))
    x = (x - x.mean()) / x.std()
    theirs = np.concatenate([published["x"], published["x_test"]])
    np.testing.assert_allclose(x, theirs, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(x.astype(np.float32), theirs.astype(np.float32))
    np.testing.assert_array_equal(y, np.concatenate([published["y"], published["y_test"]]))
    train = MNIST1D().load().train
    np.testing.assert_array_equal(train.x.numpy(), published["x"].astype(np.float32))
    np.testing.assert_array_equal(train.y.numpy(), published["y"])


@pytest.mark.parametrize(("samples", "seed"), [(10, 0), (500, 7)])
def test_the_published_generator_agrees_at_other_sizes_and_seeds(samples: int, seed: int) -> None:
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.num_samples, arguments.seed = samples, seed  # pyright: ignore[reportAttributeAccessIssue]
    published = make_dataset(arguments)
    train = MNIST1D(rows=samples * 4 // 5, seed=seed, validation=1, test=1).load().train
    np.testing.assert_array_equal(train.x.numpy(), published["x"].astype(np.float32))
    np.testing.assert_array_equal(train.y.numpy(), published["y"])


def test_mnist1d_validation_and_test_have_the_mean_and_deviation_of_the_train_draw() -> None:
    dataset = MNIST1D().load()
    train, _ = data.make_mnist1d(5000, np.random.RandomState(42))
    for split, rows, stream in ((dataset.validation, 2000, [42, 1]), (dataset.test, 10_000, [42, 2])):
        x, y = data.make_mnist1d(rows, np.random.RandomState(stream))
        np.testing.assert_array_equal(split.x.numpy(), ((x - train.mean()) / train.std()).astype(np.float32))
        np.testing.assert_array_equal(split.y.numpy(), y)
        assert split.y.bincount().tolist() == [rows // 10] * 10


def test_mnist1d_splits_share_no_row() -> None:
    parts = MNIST1D().load()
    together = row_set(parts.train) | row_set(parts.validation) | row_set(parts.test)
    assert len(together) == 4000 + 2000 + 10_000


def test_no_train_seed_starts_the_validation_or_test_stream_of_another() -> None:
    first = [np.random.RandomState(seed).rand() for seed in range(1000)]
    first += [np.random.RandomState([seed, stream]).rand() for seed in range(1000) for stream in (1, 2)]
    assert len(set(first)) == 3000


@pytest.mark.parametrize("rows", [1, 8, 9, 61, 4001])
def test_mnist1d_has_exactly_the_rows_asked_for(rows: int) -> None:
    dataset = MNIST1D(rows=rows, validation=13, test=20).load()
    assert [len(split.x) for split in (dataset.train, dataset.validation, dataset.test)] == [rows, 13, 20]
    assert [len(split.y) for split in (dataset.train, dataset.validation, dataset.test)] == [rows, 13, 20]
    assert dataset.test.y.bincount(minlength=10).tolist() == [2] * 10
    drawn = data.make_mnist1d(10 * -(-rows // 8), np.random.RandomState(42))[1]
    np.testing.assert_array_equal(dataset.train.y.numpy(), drawn[:rows])
    assert len(set(np.bincount(drawn))) == 1


@pytest.mark.parametrize("name", ["rows", "seed", "validation", "test"])
@pytest.mark.parametrize("value", [-1, 2.0, True, "9", None, 2**32])
def test_mnist1d_refuses_what_is_no_number_of_rows_or_seed(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be an integer >= [01] and < 2\*\*32, got {value!r}; try \d+$"):
        MNIST1D(**{name: value})  # pyright: ignore[reportArgumentType]


def test_mnist1d_takes_seed_0_but_no_split_of_0_rows() -> None:
    assert MNIST1D(seed=0).seed == 0
    for name in ("rows", "validation", "test"):
        with pytest.raises(ValueError, match=f"^{name} must be an integer >= 1 .* got 0; try"):
            MNIST1D(**{name: 0})


# Specs and digests


@pytest.mark.parametrize("spec", [MNIST1D(), SMALL, FashionMNIST(), FashionMNIST(full=True)])
def test_a_spec_is_frozen_hashable_and_plain(spec: MNIST1D | FashionMNIST) -> None:
    fields = json.loads(json.dumps(asdict(spec)))
    assert type(spec)(**fields) == spec
    assert hash(type(spec)(**fields)) == hash(spec)
    assert eval(repr(spec)) == spec
    with pytest.raises(FrozenInstanceError):
        setattr(spec, next(iter(fields)), 1)


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        (MNIST1D(), "93d036626f0d8c1b53c8faf7f9026b3d7144ff0666e501ca9d176325661c60d7"),
        (FashionMNIST(), "7df8a367758c5aa3572c1be41867a12ed47c44763dfc361766ec3b1f1a3449e3"),
    ],
)
def test_a_data_set_is_the_same_everywhere_and_kept_in_memory(spec: MNIST1D | FashionMNIST, digest: str) -> None:
    assert spec.load() is replace(spec).load()
    assert spec.load().digest == digest


def test_drawing_again_gives_the_same_data_and_another_seed_other_data() -> None:
    first = SMALL.load()
    data._load_mnist1d.cache_clear()
    assert SMALL.load() is not first
    assert SMALL.load().digest == first.digest
    assert replace(SMALL, seed=43).load().digest != first.digest


def test_the_digest_sees_values_order_shape_and_dtype() -> None:
    dataset = SMALL.load()
    x, y = dataset.train
    one_bit = x.clone()
    one_bit.view(torch.int32)[0, 0] ^= 1
    variants: list[Dataset] = [
        dataset,
        replace(dataset, train=Split(one_bit, y)),
        replace(dataset, train=Split(x, y.flip(0))),
        replace(dataset, train=Split(x.reshape(120, 20), y)),
        replace(dataset, train=Split(x.view(torch.int32), y)),
        replace(dataset, validation=dataset.test, test=dataset.validation),
        replace(dataset, train=dataset.validation, validation=dataset.train),
    ]
    assert len({variant.digest for variant in variants}) == len(variants)
    assert replace(dataset, train=Split(x.clone(), y.clone())).digest == dataset.digest


# Fashion-MNIST


def check_fashion_mnist(dataset: Dataset, sizes: tuple[int, int, int]) -> None:
    for split, size in zip((dataset.train, dataset.validation, dataset.test), sizes, strict=True):
        assert (split.x.shape, split.x.dtype, split.y.dtype) == ((size, 784), torch.float32, torch.int64)
        assert split.y.bincount().tolist() == [size // 10] * 10
        assert len(row_set(split)) == size
    assert not row_set(dataset.validation) & row_set(dataset.train)
    assert not row_set(dataset.test) & (row_set(dataset.train) | row_set(dataset.validation))
    x = dataset.train.x
    assert x.mean(dtype=torch.float64).item() == pytest.approx(0, abs=1e-6)
    assert x.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    levels = torch.unique(torch.cat([dataset.train.x[:500], dataset.test.x[:500]]))
    assert len(levels) == 256
    torch.testing.assert_close(levels.diff(), torch.full((255,), (levels[-1] - levels[0]).item() / 255))


def test_packaged_fashion_mnist() -> None:
    check_fashion_mnist(FashionMNIST().load(), (10_000, 2000, 2000))


@pytest.mark.parametrize(("full", "sizes"), [(False, (10_000, 2000)), (True, (55_000, 5000))])
def test_fashion_mnist_train_and_validation_rows_are_disjoint_and_complete(full: bool, sizes: tuple[int, int]) -> None:
    labels = np.random.RandomState(3).permutation(np.repeat(np.arange(10), sum(sizes) // 10))
    train, validation = data.split_rows(labels, full)
    assert (len(train), len(validation)) == sizes
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(sum(sizes)))


def test_the_packaged_rows_are_split_into_the_rows_that_the_spec_loads() -> None:
    images, labels, test_images, test_labels = fashion_files.read_packaged_fashion_mnist()
    dataset = FashionMNIST().load()
    for split, rows in zip((dataset.train, dataset.validation), data.split_rows(labels, full=False), strict=True):
        np.testing.assert_array_equal(split.y.numpy(), labels[rows])
        np.testing.assert_array_equal(split.x.argmax(1).numpy(), images[rows].reshape(-1, 784).argmax(1))
    np.testing.assert_array_equal(dataset.test.y.numpy(), test_labels)
    np.testing.assert_array_equal(dataset.test.x.argmax(1).numpy(), test_images.reshape(-1, 784).argmax(1))


def test_the_packaged_file_carries_the_authors_notice() -> None:
    notice = Path(str(fashion_files.PACKAGED)).with_suffix(".LICENSE").read_text(encoding="utf-8")
    assert "Copyright © 2017 Zalando SE" in notice
    assert "MIT License" in notice


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "other"])
def test_a_damaged_packaged_file_is_named_with_the_remedy(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "fashion-mnist.npz"
    packed = bytearray(fashion_files.PACKAGED.read_bytes())
    packed[2_000_000] ^= 1
    contents = {"empty": b"", "truncated": packed[:4_000_000], "flipped": packed, "other": b"not an archive"}
    if damage != "missing":
        file.write_bytes(contents[damage])
    with pytest.raises(ValueError, match=r"fashion-mnist\.npz is missing or damaged .*: install trainlab again$"):
        fashion_files.read_packaged_fashion_mnist(file)


@pytest.mark.parametrize("value", [1, 0, None, "yes"])
def test_fashion_mnist_refuses_what_is_no_bool(value: object) -> None:
    with pytest.raises(ValueError, match=rf"^full must be True .* or False .*, got {value!r}$"):
        FashionMNIST(full=value)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def the_full_set() -> None:
    """The full Fashion-MNIST must be there in continuous integration; elsewhere a test may go without it."""
    if (
        not os.environ.get("TRAINLAB_DATA")
        and not fashion_files.FASHION_MNIST_FOLDER.is_dir()
        and os.environ.get("CI") != "true"
    ):
        pytest.skip(
            f"no full Fashion-MNIST: {fashion_files.FASHION_MNIST_FOLDER} is not there and TRAINLAB_DATA is not set"
        )
    data._load_fashion_mnist.cache_clear()


@pytest.mark.usefixtures("the_full_set")
def test_full_fashion_mnist() -> None:
    check_fashion_mnist(FashionMNIST(full=True).load(), (55_000, 5000, 10_000))
    data._load_fashion_mnist.cache_clear()  # 220 MB


@pytest.mark.usefixtures("the_full_set")
def test_the_packaged_file_holds_unchanged_rows_of_the_full_set() -> None:
    full = packaged_rows()
    for name, array in zip(NAMES, fashion_files.read_packaged_fashion_mnist(), strict=True):
        np.testing.assert_array_equal(array, full[name])


# Tensors of one's own


def three() -> list[tuple[object, object]]:
    """Arrays and tensors of several types; the last targets are no class numbers."""
    x, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2], dtype=np.int32)
    return [(x, y), (torch.ones(2, 3, 4, dtype=torch.float64, requires_grad=True), [3, 1]), ([[1], [2]], [0.5, 1.5])]


def test_a_function_s_tensors_become_float32_and_int64_and_stay_in_memory() -> None:
    dataset = FromFunction(three).load()
    assert FromFunction(three).load() is dataset
    assert dataset.name == "three"
    assert dataset.classes == 4
    splits = dataset.train, dataset.validation, dataset.test
    assert [split.x.dtype for split in splits] == [torch.float32, torch.float32, torch.int64]
    assert [split.y.dtype for split in splits] == [torch.int64, torch.int64, torch.float32]
    assert [tuple(split.x.shape) for split in splits] == [(6, 2), (2, 3, 4), (2, 1)]
    assert dataset.train.x.tolist() == np.arange(12.0).reshape(6, 2).tolist()
    assert not any(tensor.requires_grad for split in splits for tensor in split)


def regression() -> list[tuple[Tensor, Tensor]]:
    return [(torch.zeros(3, 2), torch.zeros(3, 1))] * 3


def test_targets_that_are_no_class_numbers_have_no_classes() -> None:
    assert FromFunction(regression).load().classes == 0


def wrong(name: str) -> object:
    """What a function may wrongly return."""
    x, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)
    bad = x.clone()
    bad[1, 1] = torch.nan
    return {
        "tensor": x,
        "two pairs": [(x, y)] * 2,
        "no pairs": [x, x, y],
        "rows": [(x, y), (x, y[:2]), (x, y)],
        "none": [(x, y), (x, y), (x[:0], y[:0])],
        "scalar": [(x, y), (x[0, 0], y), (x, y)],
        "nan": [(x, y), (bad, y), (x, y)],
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensor", r"three pairs \(x, y\), for train, validation and test; got a Tensor"),
        ("two pairs", r"three pairs \(x, y\), .* got parts of \[2, 2\]"),
        ("no pairs", r"three pairs \(x, y\), .* got parts of \[0, 0, 0\]"),
        ("rows", "a split has 3 rows of x and 2 of y; make them equal"),
        ("none", "x of the test split has no rows"),
        ("scalar", "x of the validation split has no rows; its first axis must be the examples"),
        ("nan", "x of the validation split holds numbers that are NaN or infinite"),
    ],
)
def test_a_function_that_returns_something_else_is_named(name: str, message: str) -> None:
    def load() -> Any:
        return wrong(name)

    with pytest.raises(ValueError, match=f"^load.*{message}"):
        FromFunction(load).load()


# The authors' four files: a small set of the same format stands for them


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four small IDX files whose digests replace the authors'."""
    folder = tmp_path / "files"
    folder.mkdir()
    digests = {}
    for number, name in enumerate(fashion_files.FASHION_MNIST_FILES):
        shape = (20, 28, 28) if "images" in name else (20,)
        values = np.random.RandomState(number).randint(10, size=shape, dtype=np.uint8)
        raw = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes() + values.tobytes()
        (folder / name).write_bytes(gzip.compress(raw))
        digests[name] = hashlib.sha256(raw).hexdigest()
    monkeypatch.setattr(fashion_files, "FASHION_MNIST_FILES", digests)
    monkeypatch.setenv("TRAINLAB_DATA", str(folder))
    return folder


def test_the_folder_is_the_one_that_trainlab_data_names(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = fashion_files.read_fashion_mnist()
    assert [array.shape for array in arrays] == [(20, 28, 28), (20,), (20, 28, 28), (20,)]
    np.testing.assert_array_equal(arrays[3], np.random.RandomState(3).randint(10, size=20, dtype=np.uint8))
    monkeypatch.delenv("TRAINLAB_DATA")
    monkeypatch.setattr(fashion_files, "FASHION_MNIST_FOLDER", files.parent / "debian")
    with pytest.raises(ValueError, match=r"^no Fashion-MNIST in .*debian \(.*TRAINLAB_DATA=None\)"):
        fashion_files.read_fashion_mnist()
    files.rename(files.parent / "debian")
    assert len(fashion_files.read_fashion_mnist()) == 4


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "not gzip", "other images"])
def test_a_damaged_file_is_named_with_where_it_lay_and_the_remedy(files: Path, damage: str) -> None:
    file = files / "t10k-images-idx3-ubyte.gz"
    packed = bytearray(file.read_bytes())
    packed[len(packed) // 2] ^= 1
    contents = {
        "empty": b"",
        "truncated": packed[:1000],
        "flipped": packed,
        "not gzip": gzip.decompress(file.read_bytes()),
        "other images": (files / "train-images-idx3-ubyte.gz").read_bytes(),
    }
    file.unlink()
    if damage != "missing":
        file.write_bytes(contents[damage])
    data._load_fashion_mnist.cache_clear()
    with pytest.raises(ValueError, match="no Fashion-MNIST in") as caught:
        FashionMNIST(full=True).load()
    for part in (str(files), file.name, "dataset-fashion-mnist", "python -m trainlab.fashion_files", "TRAINLAB_DATA"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a server of this machine hands out the four files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(files))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_download_command(
    address: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    monkeypatch.setenv("TRAINLAB_DATA", str(folder))
    fashion_files.main(["--url", address])
    assert f"TRAINLAB_DATA={folder}" in capsys.readouterr().out
    assert sorted(folder.iterdir()) == sorted(folder / name for name in fashion_files.FASHION_MNIST_FILES)
    assert all(file.read_bytes() == (files / file.name).read_bytes() for file in folder.iterdir())
    assert len(fashion_files.read_fashion_mnist()) == 4
    fashion_files.main([str(tmp_path / "argument"), "--url", f"{address}/"])
    assert len(list((tmp_path / "argument").iterdir())) == 4


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_failed_download_leaves_nothing_of_the_file(
    damage: str, address: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = files / "train-labels-idx1-ubyte.gz"
    packed = broken.read_bytes()
    broken.unlink()
    if damage == "truncated":
        broken.write_bytes(packed[:-5])
    with pytest.raises(SystemExit) as stopped:
        fashion_files.main([str(tmp_path / "new"), "--url", address])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert f"{address}/{broken.name} did not get into {tmp_path / 'new'}" in message
    assert "try again" in message
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["train-images-idx3-ubyte.gz"]


def test_a_folder_that_cannot_be_written_to_and_a_server_that_is_down(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match=r"did not get into .*file \("):
        fashion_files.download_fashion_mnist(tmp_path / "file", address)
    with pytest.raises(ValueError, match=r"did not get into .*new \(.*refused.*try again"):
        fashion_files.download_fashion_mnist(tmp_path / "new", "http://127.0.0.1:9")


def test_the_module_runs_as_a_command() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRAINLAB_DATA"}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "trainlab.fashion_files"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.endswith("no folder to write to: name one, or set TRAINLAB_DATA\n")


if __name__ == "__main__":
    pack(Path(str(fashion_files.PACKAGED)))
