#pragma once

namespace aircheck::app {

/// What every command exits with (docs/contracts.md).
enum class ExitCode : int {
    Done = 0,
    Failed = 1,         ///< Anything that failed after a remote or the disk was asked.
    Usage = 2,          ///< Usage or configuration, decided before that.
    Interrupted = 130,  ///< A second Ctrl-C.
};

}  // namespace aircheck::app
