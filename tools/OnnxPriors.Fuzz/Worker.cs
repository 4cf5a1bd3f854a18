using System.Diagnostics;
using System.Globalization;

namespace OnnxPriors.Fuzz;

/// <summary>Runs cases one after the other and looks at what each does.</summary>
internal static class Worker
{
    /// <summary>The exit code after a case that failed and was reported.</summary>
    public const int FoundSomething = 3;

    // The main thread of a program has 8 MiB; deep recursion shows earlier with less.
    private const int StackBytes = 1 << 20;

    private const double CaseSeconds = 10;

    public static int Run(Options options)
    {
        var targets = Targets.All(options);
        var clock = Stopwatch.StartNew();
        var result = 0;
        var thread = new Thread(() => result = Run(options, targets, clock), StackBytes);
        thread.Start();
        thread.Join();
        return result;
    }

    /// <summary>Writes the file of a case beside the report.</summary>
    public static void Keep(Options options, long number)
    {
        var (target, bytes) = Make(Targets.All(options), options.Seed, number);
        File.WriteAllBytes(Path.Combine(options.Out, string.Create(CultureInfo.InvariantCulture, $"seed{options.Seed}-case{number}-{target.Name}")), bytes);
    }

    private static int Run(Options options, IReadOnlyList<Target> targets, Stopwatch clock)
    {
        var progress = Path.Combine(options.Out, "progress.txt");
        using var place = new Playground();
        for (var number = options.First; clock.Elapsed < options.Duration; number++)
        {
            File.WriteAllText(progress, number.ToString(CultureInfo.InvariantCulture));
            var (target, bytes) = Make(targets, options.Seed, number);
            if (Problem(target, bytes, place) is { } problem)
            {
                Console.WriteLine($"case {number}: {target.Name}: {problem}");
                Keep(options, number);
                return FoundSomething;
            }
            if (options.Only is not null)
                break;
        }
        return 0;
    }

    private static (Target Target, byte[] Bytes) Make(IReadOnlyList<Target> targets, int seed, long number)
    {
        var random = new Random(HashCode.Of(seed, number));
        var total = targets.Sum(t => t.Weight);
        var drawn = random.Next(total);
        var target = targets.First(t => (drawn -= t.Weight) < 0);
        return (target, target.Make(random));
    }

    private static string? Problem(Target target, byte[] bytes, Playground place)
    {
        place.Reset();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        try
        {
            target.Try(bytes, place);
        }
        catch (OnnxPriorsException)
        {
            // The documented error.
        }
#pragma warning disable CA1031 // Any other exception is what is looked for.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return $"an undocumented error\n    {error.ToString().ReplaceLineEndings("\n    ")}";
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (clock.Elapsed.TotalSeconds > CaseSeconds)
            return string.Create(CultureInfo.InvariantCulture, $"took {clock.Elapsed.TotalSeconds:F1} s for {bytes.Length} bytes");
        // What passes through memory in all, not what is held at once: shapes, copies of passes, messages.
        var allowed = (512L << 20) + 2_000L * bytes.Length;
        return allocated > allowed ? $"allocated {allocated >> 20} MiB for {bytes.Length} bytes" : null;
    }
}

/// <summary>Numbers from numbers, the same on every machine and in every run.</summary>
internal static class HashCode
{
    public static int Of(int seed, long number)
    {
        var x = unchecked(((ulong)(uint)seed << 40) ^ (ulong)number) + 0x9E3779B97F4A7C15;
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return (int)((x ^ (x >> 31)) & int.MaxValue);
    }
}
