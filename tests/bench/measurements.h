#pragma once

// What bench_gossip measures, in simulated time. Each prints a table.
namespace bench {

// How long until a death is known.
void measure_deaths();
void measure_killed_processes();
// Ten of a thousand hosts vanish at once: how far apart their deaths are seen.
void measure_deaths_together();

// Who is taken for dead that is not.
void measure_loss();
void measure_stalls();
// One host in a hundred hears nothing for 20 s, and again, and again.
void measure_deaf_hosts();
void measure_semidetached_host();

// What a fleet of a thousand costs, and how quick it is.
void measure_idle_traffic();
void measure_bootstrap();
void measure_broadcast();
void measure_memory();

}  // namespace bench
