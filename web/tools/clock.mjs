// Measures a stretch of work: seconds by the wall, and seconds of processor time, which other work on the machine does not stretch.
export function startClock() {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - wall) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}
