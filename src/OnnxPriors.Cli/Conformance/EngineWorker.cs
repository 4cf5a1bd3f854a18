using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace OnnxPriors.Cli.Conformance;

/// <summary>
/// A process of this program that runs cases, so that an engine which ends the process or hangs costs the one case it was at. It reads
/// the number of a case from its standard input, a line each, and answers each with a verdict, a line of JSON.
/// </summary>
internal sealed class EngineWorker : IDisposable
{
    private const string Ready = "ready";

    // A start takes a second; what takes longer than this has failed, whatever the machine does besides.
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private readonly Process process;

    private EngineWorker(Process process) => this.process = process;

    /// <summary>Starts a worker and waits until it serves.</summary>
    /// <param name="root">The folder whose cases it runs.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ConformanceException">The process cannot be started, or ends at once.</exception>
    public static async Task<EngineWorker> StartAsync(string root, string engine, CancellationToken cancellation)
    {
        var start = Program();
        foreach (var argument in (string[])["conformance", root, "--engine", engine, "--worker"])
            start.ArgumentList.Add(argument);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        // The cases are tiny: threads cost more than they compute.
        start.Environment.TryAdd("OMP_NUM_THREADS", "1");
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ConformanceException($"'{start.FileName}' cannot be started to run the cases ({e.Message}).", e);
        }
        // What native libraries write there must not fill the pipe.
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var worker = new EngineWorker(process);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(StartLimit);
        try
        {
            if (await process.StandardOutput.ReadLineAsync(patience.Token) == Ready)
                return worker;
        }
        catch (OperationCanceledException)
        {
            worker.Dispose();
            cancellation.ThrowIfCancellationRequested();
        }
        worker.Dispose();
        throw new ConformanceException($"'{start.FileName}' was started to run the cases and did not answer.");
    }

    /// <summary>Serves as the worker until the standard input ends.</summary>
    public static void Serve(IReadOnlyList<ConformanceCase> cases, string engine, TextReader requests, TextWriter answers)
    {
        answers.WriteLine(Ready);
        answers.Flush();
        while (requests.ReadLine() is { } line)
        {
            var verdict = CaseRunner.Run(cases[int.Parse(line, CultureInfo.InvariantCulture)], engine);
            answers.WriteLine(JsonSerializer.Serialize(verdict, ConformanceJson.Default.ConformanceVerdict));
            answers.Flush();
        }
    }

    /// <summary>Runs a case.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The verdict, or null and why there is none; the worker is of no more use then.</returns>
    public async Task<(ConformanceVerdict? Verdict, string Problem)> RunAsync(int number, TimeSpan limit, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(limit);
        try
        {
            await process.StandardInput.WriteLineAsync(number.ToString(CultureInfo.InvariantCulture).AsMemory(), patience.Token);
            await process.StandardInput.FlushAsync(patience.Token);
            while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
                // A native library may write lines of its own.
                if (line.StartsWith('{') && JsonSerializer.Deserialize(line, ConformanceJson.Default.ConformanceVerdict) is { } verdict)
                    return (verdict, "");
            await process.WaitForExitAsync(patience.Token);
            return (null, $"the engine ended its process, with code {process.ExitCode}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"no result within {limit.TotalSeconds:0} s"));
        }
        catch (IOException)
        {
            return (null, "the engine ended its process");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    private static ProcessStartInfo Program()
    {
        var suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        foreach (var name in (string[])["onnxpriors", "OnnxPriors.Cli"])
            if (Path.Combine(AppContext.BaseDirectory, name + suffix) is var program && File.Exists(program))
                return new(program);
        var start = new ProcessStartInfo("dotnet" + suffix);
        start.ArgumentList.Add(typeof(EngineWorker).Assembly.Location);
        return start;
    }
}
