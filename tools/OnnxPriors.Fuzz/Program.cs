using System.Diagnostics;
using System.Globalization;

namespace OnnxPriors.Fuzz;

/// <summary>
/// Feeds mutated files to the readers: <c>onnxpriors-fuzz [--seconds N] [--seed S] [--corpus DIR]… [--out DIR] [--case N]</c>. Cases run
/// in a child process with a bounded heap, so that a crash of the process is found too. Each case follows from seed and number alone.
/// </summary>
internal static class Program
{
    private static readonly TimeSpan CaseLimit = TimeSpan.FromSeconds(20);

    public static int Main(string[] args)
    {
        var options = Options.Parse(args);
        Directory.CreateDirectory(options.Out);
        return options.IsWorker ? Worker.Run(options) : Supervise(options);
    }

    // A worker that ends early died of the case it had begun; the next one goes on behind it.
    private static int Supervise(Options options)
    {
        var clock = Stopwatch.StartNew();
        var (next, failures, begun) = (options.First, 0, options.First);
        while (clock.Elapsed < options.Duration && (options.Only is null || next == options.First))
        {
            var progress = Path.Combine(options.Out, "progress.txt");
            File.WriteAllText(progress, next.ToString(CultureInfo.InvariantCulture));
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardError = true };
            foreach (var argument in options.ForWorker(next, options.Duration - clock.Elapsed))
                start.ArgumentList.Add(argument);
            // A heap of 1 GiB: what asks for more fails as it would on a small machine.
            start.Environment["DOTNET_GCHeapHardLimit"] = "0x40000000";
            start.Environment["DOTNET_gcServer"] = "0";
            using var worker = Process.Start(start)!;
            var errors = new List<string>();
            worker.ErrorDataReceived += (_, line) =>
            {
                if (line.Data is { } text)
                    lock (errors)
                        errors.Add(text);
            };
            worker.BeginErrorReadLine();
            var (seen, since) = (-1L, Stopwatch.StartNew());
            while (!worker.WaitForExit(500))
            {
                var at = Read(progress, next);
                if (at != seen)
                    (seen, since) = (at, Stopwatch.StartNew());
                else if (since.Elapsed > CaseLimit)
                    worker.Kill();
            }
            worker.WaitForExit();
            begun = Read(progress, next);
            if (worker.ExitCode == 0)
            {
                next = begun + 1;
                break;
            }
            if (worker.ExitCode != Worker.FoundSomething)
            {
                var why = since.Elapsed > CaseLimit ? $"HANG of more than {CaseLimit.TotalSeconds} s" : $"CRASH with exit code {worker.ExitCode}";
                lock (errors)
                    Console.WriteLine($"case {begun}: {why}\n    {string.Join("\n    ", errors.Take(12))}");
                Worker.Keep(options, begun);
            }
            failures++;
            next = begun + 1;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{next - options.First} cases with seed {options.Seed} in {clock.Elapsed.TotalSeconds:F0} s, {failures} failures"));
        return failures == 0 ? 0 : 1;
    }

    private static long Read(string path, long otherwise)
    {
        try
        {
            return long.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
        }
        catch (IOException)
        {
            return otherwise;
        }
    }
}
