using System.Diagnostics;
using System.Globalization;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>
/// A contender in a process of its own, which takes steps when told to: no engine's threads or memory stand in another's way, and each has
/// its own peak of memory.
/// </summary>
internal sealed class ContenderProcess : IDisposable
{
    private readonly Process process;

    private ContenderProcess(Process process, double session) => (this.process, SessionSeconds) = (process, session);

    /// <summary>The time it took to make its session or module, in seconds.</summary>
    public double SessionSeconds { get; }

    /// <summary>Starts a contender and waits until it has taken its first steps.</summary>
    /// <param name="arguments">The arguments of this program that make it one.</param>
    /// <exception cref="BenchmarkException">It fails; the message is its own.</exception>
    public static ContenderProcess Start(IEnumerable<string> arguments)
    {
        var (program, first) = Program();
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (first is not null)
            start.ArgumentList.Add(first);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start) ?? throw new BenchmarkException($"'{program}' cannot be started.");
        try
        {
            return new(process, double.Parse(Answer(process), CultureInfo.InvariantCulture));
        }
        catch
        {
            End(process);
            throw;
        }
    }

    /// <summary>Has it take steps.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The time of each in milliseconds.</returns>
    public IReadOnlyList<double> Steps(int count)
    {
        process.StandardInput.WriteLine(count.ToString(CultureInfo.InvariantCulture));
        return [.. Answer(process).Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
    }

    /// <summary>Ends it.</summary>
    /// <returns>The most memory it ever held, in megabytes (10⁶ bytes).</returns>
    public double Finish()
    {
        process.StandardInput.WriteLine("end");
        var peak = double.Parse(Answer(process), CultureInfo.InvariantCulture);
        process.WaitForExit();
        return peak;
    }

    /// <inheritdoc/>
    public void Dispose() => End(process);

    private static void End(Process process)
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    // The program beside this assembly; the process that runs may be another's, such as dotnet's or a test's. In a single file it is this one.
    private static (string Program, string? First) Program()
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, typeof(ContenderProcess).Assembly.GetName().Name!);
        var program = assembly + (OperatingSystem.IsWindows() ? ".exe" : "");
        if (File.Exists(program))
            return (program, null);
        if (File.Exists(assembly + ".dll"))
            return ("dotnet", assembly + ".dll");
        return (Environment.ProcessPath ?? throw new BenchmarkException("The program's own path is not known, so it cannot be started again."), null);
    }

    private static string Answer(Process process) =>
        process.StandardOutput.ReadLine() ?? throw new BenchmarkException($"A contender ended early: {process.StandardError.ReadToEnd().Trim()}");

    /// <summary>The other side: takes steps as the standard input asks for them.</summary>
    /// <param name="contender">What takes them.</param>
    /// <param name="warmUp">Steps before the first that counts.</param>
    /// <param name="input">The standard input.</param>
    /// <param name="output">The standard output.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    public static void Serve(IContender contender, int warmUp, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        for (var i = 0; i < warmUp; i++)
            contender.Step();
        Say(contender.SessionSeconds.ToString("R", CultureInfo.InvariantCulture));
        while (input.ReadLine() is { } line && int.TryParse(line, CultureInfo.InvariantCulture, out var count))
        {
            // Another contender had the processors meanwhile: the first step finds cold caches and sleeping threads.
            contender.Step();
            var times = new double[count];
            for (var i = 0; i < count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var begin = Stopwatch.GetTimestamp();
                contender.Step();
                times[i] = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
            }
            Say(string.Join(' ', times.Select(t => t.ToString("R", CultureInfo.InvariantCulture))));
        }
        using var own = Process.GetCurrentProcess();
        Say((own.PeakWorkingSet64 / 1e6).ToString("R", CultureInfo.InvariantCulture));

        void Say(string text)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }
}
