#include "media/windowed_sinc.hpp"

#include <cmath>
#include <numbers>

namespace aircheck::media {
namespace {

constexpr double kKaiserBeta = 8;

/// Modified Bessel function of the first kind, order 0, by its power series.
double bessel_i0(double x) {
    double sum = 1;
    double term = 1;
    for (int k = 1; term > 1e-12 * sum; ++k) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

}  // namespace

double windowed_sinc(double x, double cutoff, double half) {
    if (std::abs(x) >= half) return 0;
    const double window =
        bessel_i0(kKaiserBeta * std::sqrt(1 - (x / half) * (x / half))) / bessel_i0(kKaiserBeta);
    const double angle = std::numbers::pi * cutoff * x;
    const double sinc = x == 0 ? 1 : std::sin(angle) / angle;
    return cutoff * sinc * window;
}

}  // namespace aircheck::media
