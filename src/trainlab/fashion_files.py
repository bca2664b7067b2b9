"""Where Fashion-MNIST comes from: the packaged part, the authors' four files, and their download.

`python -m trainlab.fashion_files FOLDER` downloads the full set from its authors' address.
"""

import argparse
import gzip
import hashlib
import http.client
import lzma
import os
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

FASHION_MNIST_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of the Debian package dataset-fashion-mnist
# SHA-256 of the decompressed bytes: Debian compressed the authors' files again.
FASHION_MNIST_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
PACKAGED = resources.files("trainlab") / "resources" / "fashion-mnist.npz"


def read_packaged_fashion_mnist(file: Traversable = PACKAGED) -> list[np.ndarray]:
    """Return train images (uint8 [12000, 28, 28]), their labels (uint8 [12000]), 2000 test images, and their labels."""
    try:
        with file.open("rb") as stream, np.load(stream) as arrays:
            return [arrays[name] for name in ("train_images", "train_labels", "test_images", "test_labels")]
    except (OSError, EOFError, KeyError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is missing or damaged ({error}): install trainlab again") from error


def read_fashion_mnist() -> list[np.ndarray]:
    """Return train images (uint8 [60000, 28, 28]), their labels (uint8 [60000]), 10,000 test images, and their labels.

    Raises:
        ValueError: A file is missing, or its decompressed bytes are not the authors'.
    """
    setting = os.environ.get("TRAINLAB_DATA")
    folder = Path(setting or FASHION_MNIST_FOLDER)
    try:
        return [_parse_idx(_decompress((folder / name).read_bytes(), name)) for name in FASHION_MNIST_FILES]
    except (OSError, ValueError) as error:
        remedy = (
            "apt install dataset-fashion-mnist, or `python -m trainlab.fashion_files FOLDER` and TRAINLAB_DATA=FOLDER"
        )
        raise ValueError(f"no Fashion-MNIST in {folder} ({error}; TRAINLAB_DATA={setting}): {remedy}") from error


def _parse_idx(data: bytes) -> np.ndarray:
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)  # the fourth byte is the number of dimensions
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _decompress(packed: bytes, name: str) -> bytes:
    try:
        data = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is damaged: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != FASHION_MNIST_FILES[name]:
        raise ValueError(f"{name} has the SHA-256 {found} when decompressed, not {FASHION_MNIST_FILES[name]}")
    return data


def download_fashion_mnist(folder: Path, url: str = FASHION_MNIST_URL) -> None:
    """Download the full Fashion-MNIST, 30 MB.

    Args:
        folder: Where to write the four files; made if it is not there.
        url: The address that they lie under.

    Raises:
        ValueError: A file cannot be fetched or written, or is not the authors'; nothing is left of it then.
    """
    for name in FASHION_MNIST_FILES:
        address = f"{url.rstrip('/')}/{name}"
        try:
            with urllib.request.urlopen(address, timeout=60) as response:
                packed = response.read()
            _decompress(packed, name)
            _write(folder / name, packed)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is the open response
            raise ValueError(f"{address} did not get into {folder} ({error}): try again, or another --url") from error


def _write(file: Path, data: bytes) -> None:
    """Write the whole file or nothing of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Download the full Fashion-MNIST from the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainlab.fashion_files", description=main.__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("TRAINLAB_DATA"), help="default: $TRAINLAB_DATA")
    parser.add_argument("--url", default=FASHION_MNIST_URL, help="where the four files lie (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.folder:
        parser.error("no folder to write to: name one, or set TRAINLAB_DATA")
    try:
        download_fashion_mnist(Path(options.folder), options.url)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    print(f"Fashion-MNIST is complete; use it by TRAINLAB_DATA={Path(options.folder).resolve()}")


if __name__ == "__main__":
    main()
