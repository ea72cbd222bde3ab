"""Who grants access to each released data set, on what terms, and what comes.

Nothing here was tried by this toolkit: access is granted to persons. What could not be
confirmed is said to be so.
"""

from dataclasses import dataclass

from dataset_tools.errors import UsageError, suggest


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a person needs to know before asking for a data set."""

    name: str
    title: str
    """What it is, and the paper."""
    holder: str
    """Who grants access."""
    how: tuple[str, ...]
    """Where to ask, and for which parts."""
    terms: str
    files: tuple[tuple[str, str], ...]
    """(path, what and how many) of what has to be there."""
    uncertain: tuple[str, ...] = ()
    """What could not be confirmed."""

    @property
    def letter(self) -> str:
        """A text to begin a request with."""
        what = self.title.split(" (")[0]
        return (
            "I am [position] at [institution] and work on cross-view geo-localization. "
            f"I ask for access to {what} for [project]. The data will be used for "
            "research only, stored on [where], seen by [whom], and not passed on. "
            "Supervisor: [name, address]."
        )


ACCESS = (
    Access(
        name="cvusa",
        title="CVUSA, the 44,416 localization pairs (Zhai et al., CVPR 2017)",
        holder="Multimodal Vision Research Laboratory, Washington University",
        how=(
            "Request form at https://mvrl.cse.wustl.edu/datasets/cvusa",
            "Of what is shared, take the folder CVPR_subset, and in it the archive of "
            "the lists, split.tar.gz (as a user of the release reports).",
            "Cleaned lists: resources/CVUSA_cleaned.zip of "
            "https://github.com/zxh009123/GeoDTR, for splits/ or splits_cleaned/.",
        ),
        terms="Research use; not to be passed on.",
        files=(
            ("splits/train-19zl.csv", "35,532 pairs (cleaned: 34,769)"),
            ("splits/val-19zl.csv", "8,884 pairs (cleaned: 8,841)"),
            ("bingmap/19/ID.jpg", "44,416 tiles, 750 x 750"),
            ("streetview/panos/ID.jpg", "44,516 panoramas, 1232 x 224"),
            ("streetview/annotations/ID.png", "label maps, not used here"),
            ("split_locations/all.csv", "positions, one row an id; also in the root"),
        ),
        uncertain=(
            "How the 43 validation rows of the cleaned lists were chosen.",
            "What the fifth column of all.csv is.",
        ),
    ),
    Access(
        name="cvact",
        title="CVACT (Liu and Li, CVPR 2019)",
        holder="the authors",
        how=(
            "By e-mail to the author; the address is in "
            "https://github.com/Liumouliu/OriCNN",
            "ACT_data.mat lies in that repository and in others; two versions "
            "circulate, and `geobench data check` says which one is there.",
        ),
        terms="Research only; not to be passed on.",
        files=(
            ("ACT_data.mat", "ids, positions and the three lists"),
            ("ANU_data_small/streetview/ID_grdView.jpg", "44,416 wanted, 1664 x 832"),
            ("ANU_data_small/satview_polish/ID_satView_polish.jpg", "1200 x 1200"),
            ("ANU_data_test/streetview, satview_polish", "92,802 pairs of the test"),
        ),
        uncertain=(
            "Which pictures are missing from the release; readers count them.",
            "Whether the test list contains the val list in both versions of the file.",
            "What differs between the two versions of ACT_data.mat.",
        ),
    ),
    Access(
        name="vigor",
        title="VIGOR (Zhu et al., CVPR 2021)",
        holder="the authors",
        how=(
            "Questionnaire linked in https://github.com/Jeff-Zilence/VIGOR",
            "Corrected labels: VIGOR_corrected_labels of "
            "https://github.com/tudelft-iv/SliceMatch, unpacked beside splits/.",
        ),
        terms="Academic research only; not to be passed on.",
        files=(
            ("CITY/panorama/ID,LAT,LON,.jpg", "105,214 in the lists, 2048 x 1024"),
            ("CITY/satellite/satellite_LAT_LON.png", "90,618 tiles, 640 x 640"),
            (
                "splits/CITY/satellite_list.txt",
                "Chicago 22,308; NewYork 23,279; SanFrancisco 24,255; Seattle 20,776",
            ),
            ("splits/CITY/same_area_balanced_train.txt", "52,609 in the four cities"),
            ("splits/CITY/same_area_balanced_test.txt", "52,605 in the four cities"),
            ("splits/CITY/pano_label_balanced.txt", "all of a city"),
            ("splits__corrected/CITY/*__corrected.txt", "the corrected label set"),
        ),
        uncertain=(
            "The number format and line ends of the original labels: they were not "
            "read when this toolkit was written.",
        ),
    ),
    Access(
        name="vermont",
        title="Vermont of SeqGeo (Zhang, Sultani and Wshah, WACV 2023)",
        holder="the authors, University of Vermont",
        how=(
            "Form linked in https://github.com/zxh009123/SeqGeo",
            "Unpack json, satellite and street side by side.",
        ),
        terms="Research only.",
        files=(
            ("json/2019_JSON/NUMBER.json", "38,863 sequences, as reported"),
            ("satellite/2019_satellite/20/NUMBER.png", "their tiles, 640 x 640"),
            (
                "street/2019_street/ROW/YYYYMMDD.HHMMSS/ODOMETER.jpg",
                "118,549 frames, as reported",
            ),
        ),
        uncertain=(
            "Size and field of view of the street pictures, and the key of their "
            "heading.",
            "The wording of the licence.",
        ),
    ),
)


def access(name: str) -> Access:
    """What is known of one data set.

    Raises:
        UsageError: if there is none of this name.
    """
    for entry in ACCESS:
        if entry.name == name:
            return entry
    known = [entry.name for entry in ACCESS]
    raise UsageError(f"No data set is called {name!r}. {suggest(name, known)}")
