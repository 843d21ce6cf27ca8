"""tools/check_layers on small trees with one fault each."""

import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/check_layers"

TABLE = """
aircheck_layer(core USES spdlog::spdlog)
aircheck_layer(rtp   DEPENDS core)
aircheck_layer(media DEPENDS core rtp   # a comment with layer(words)
                     USES PkgConfig::opus)
aircheck_layer(mux   DEPENDS core media)
aircheck_layer(sim IN sim DEPENDS core rtp)
"""
CLEAN = {
    "src/core/result.hpp": "#include <string>\n#include <tl/expected.hpp>\n",
    "src/rtp/frame.hpp": '#include "core/result.hpp"\n',
    "src/media/sample.hpp": '#include "core/result.hpp"\n',
    "src/media/decoder.cpp": '#include <opus/opus.h>\n#include "rtp/frame.hpp"\n',
    "src/mux/mp4.cpp": '#include "media/sample.hpp"\n#include <sys/types.h>\n#include <cstdint>\n',
    "sim/room.hpp": '#include "rtp/frame.hpp"\n#include "sim/link.hpp"\n',
}


def check(folder, files, table=TABLE):
    for name, text in {"CMakeLists.txt": table, **CLEAN, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_clean_tree_passes(tmp_path):
    status, out = check(tmp_path, {})
    assert (status, out) == (0, "check_layers: 6 files, 5 layers, 0 faults\n")


@pytest.mark.parametrize("files, expected", [
    ({"src/rtp/a.cpp": '\n#include "media/sample.hpp"\n'}, 'src/rtp/a.cpp:2: rtp may not include media ("media/sample.hpp")'),
    ({"src/mux/a.cpp": '#include "media/decoder.hpp"\n'}, "src/mux/a.cpp:1: of media, mux may include only media/sample.hpp"),
    ({"src/mux/a.cpp": '#include "mp4.hpp"\n'}, 'src/mux/a.cpp:1: "mp4.hpp" names no layer'),
    ({"src/rtp/a.cpp": "#include <boost/asio.hpp>\n"}, "src/rtp/a.cpp:1: <boost/asio.hpp> is not rtp's business"),
    ({"src/rtp/a.cpp": "#include <unheard/of.hpp>\n"}, "src/rtp/a.cpp:1: <unheard/of.hpp> is not rtp's business"),
    ({"src/media/sample.hpp": "#include <opus/opus.h>\n"}, "src/mux/mp4.cpp:1: mux sees <opus/opus.h> through src/media/sample.hpp:1"),
    ({"sim/a.cpp": '#include "mux/mp4.hpp"\n'}, "sim/a.cpp:1: sim may not include mux"),
])
def test_a_fault_is_named_with_its_line(tmp_path, files, expected):
    status, out = check(tmp_path, files)
    assert status == 1
    assert expected in out


@pytest.mark.parametrize("call, expected", [
    ("aircheck_layer(rtp DEPENDS core mux)\n", "CMakeLists.txt: cycle "),
    ("aircheck_layer(rtp DEPENDS core nowhere)\n", "rtp depends on nowhere, which is no layer"),
])
def test_the_table_itself_is_held_to_account(tmp_path, call, expected):
    status, out = check(tmp_path, {}, TABLE.replace("aircheck_layer(rtp   DEPENDS core)\n", call))
    assert status == 1
    assert expected in out


def test_tests_may_use_more_of_a_layer_they_depend_on(tmp_path):
    assert check(tmp_path, {"src/mux/mp4_test.cpp": '#include "media/decoder.hpp"\n#include <gtest/gtest.h>\n'})[0] == 0
