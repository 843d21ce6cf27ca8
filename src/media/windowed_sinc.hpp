#pragma once

namespace aircheck::media {

/// The resamplers' kernel at `x` samples from its middle: a low pass at `cutoff` (1: half the rate)
/// in Kaiser's window of `half` samples to either side, whose side lobes lie at -80 dB.
[[nodiscard]] double windowed_sinc(double x, double cutoff, double half);

}  // namespace aircheck::media
