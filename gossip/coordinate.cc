#include "gossip/coordinate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace gossip {

namespace {

constexpr double correction = 0.25;  // Vivaldi's c_e and c_c
constexpr double error_max = 1.5;
constexpr double height_min = 1e-5;
constexpr double gravity_rho = 150;
constexpr double tiny = 1e-6;
constexpr float magnitude_max = 100;
constexpr base::Duration round_trip_max = base::seconds(10);

using Vector = std::array<double, coordinate_dimensions>;

double length(Vector const& vector) {
    return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
}

bool within(float value, float min, float max) {
    return value >= min && value <= max;  // false of a NaN
}

}  // namespace

bool is_valid(Coordinate const& coordinate) {
    return std::ranges::all_of(coordinate.at,
                               [](float x) { return within(x, -magnitude_max, magnitude_max); }) &&
           within(coordinate.height, 0, magnitude_max) &&
           within(coordinate.error, 0, static_cast<float>(error_max)) &&
           within(coordinate.adjustment, -magnitude_max, magnitude_max);
}

base::Duration distance(Coordinate const& a, Coordinate const& b) {
    using Place = NetworkPosition::Place;
    std::chrono::duration<double> const seconds(
        NetworkPosition::distance(Place::of(a), Place::of(b)));
    return std::chrono::duration_cast<base::Duration>(seconds);
}

void NetworkPosition::on_sample(base::NodeId peer, Coordinate const& theirs,
                                base::Duration round_trip, base::Prng& prng) {
    if (round_trip < base::Duration::zero() || round_trip > round_trip_max || !is_valid(theirs)) {
        return;
    }
    if (filters_.size() >= peers_max && !filters_.contains(peer)) {
        return;
    }
    double const sample =
        filters_[peer].median_with(std::chrono::duration<double>(round_trip).count());
    Place const other = Place::of(theirs);
    attract(other, sample, prng);
    adjust(other, sample);
    // Gravity keeps the space from drifting away from its origin.
    double const pull = distance(place_, Place{}) / gravity_rho;
    place_.push(-pull * pull, Place{}, prng);
    if (!is_valid(place_.rounded())) {
        place_ = {};
        residues_ = {};
    }
    own_ = place_.rounded();
}

void NetworkPosition::forget(base::NodeId peer) {
    filters_.erase(peer);
}

double NetworkPosition::Filter::median_with(double sample) {
    samples[next] = static_cast<float>(sample);
    next = static_cast<std::uint8_t>((next + 1U) % samples.size());
    count = static_cast<std::uint8_t>(std::min<std::size_t>(count + 1U, samples.size()));
    std::array<float, 3> sorted = samples;
    std::ranges::sort(std::span(sorted).first(count));
    return sorted[(count - 1U) / 2];  // of two the shorter: delays only add
}

NetworkPosition::Place NetworkPosition::Place::of(Coordinate const& coordinate) {
    Place place;
    std::ranges::copy(coordinate.at, place.at.begin());
    place.height = coordinate.height;
    place.error = coordinate.error;
    place.adjustment = coordinate.adjustment;
    return place;
}

Coordinate NetworkPosition::Place::rounded() const {
    Coordinate coordinate;
    std::ranges::transform(at, coordinate.at.begin(),
                           [](double x) { return static_cast<float>(x); });
    coordinate.height = static_cast<float>(height);
    coordinate.error = static_cast<float>(error);
    coordinate.adjustment = static_cast<float>(adjustment);
    return coordinate;
}

void NetworkPosition::Place::push(double force, Place const& other, base::Prng& prng) {
    Vector direction{};
    std::ranges::transform(at, other.at, direction.begin(), std::minus<>());
    double apart = length(direction);
    if (apart > tiny) {
        height = std::max(height + (height + other.height) * force / apart, height_min);
    } else {
        // On one spot: any direction takes them apart (Vivaldi, section 3.2).
        std::ranges::generate(direction, [&] { return prng.unit() - 0.5; });
        apart = std::max(length(direction), tiny);
    }
    for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] += direction[i] / apart * force;
    }
}

double NetworkPosition::raw_distance(Place const& a, Place const& b) {
    Vector difference{};
    std::ranges::transform(a.at, b.at, difference.begin(), std::minus<>());
    return length(difference) + a.height + b.height;
}

double NetworkPosition::distance(Place const& a, Place const& b) {
    double const raw = raw_distance(a, b);
    double const adjusted = raw + a.adjustment + b.adjustment;
    return adjusted > 0 ? adjusted : raw;
}

void NetworkPosition::attract(Place const& theirs, double round_trip, base::Prng& prng) {
    double const expected = distance(place_, theirs);
    double const measured = std::max(round_trip, tiny);
    double const wrongness = std::abs(expected - measured) / measured;
    double const weight = place_.error / std::max(place_.error + theirs.error, tiny);
    double const trust = correction * weight;
    place_.error = std::min(wrongness * trust + place_.error * (1 - trust), error_max);
    place_.push(trust * (measured - expected), theirs, prng);
}

void NetworkPosition::adjust(Place const& theirs, double round_trip) {
    residues_[next_residue_] = round_trip - raw_distance(place_, theirs);
    next_residue_ = (next_residue_ + 1) % residues_.size();
    double const sum = std::accumulate(residues_.begin(), residues_.end(), 0.0);
    place_.adjustment = sum / (2 * static_cast<double>(residues_.size()));
}

}  // namespace gossip
