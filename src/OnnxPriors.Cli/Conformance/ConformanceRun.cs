using OnnxPriors.Cli.Display;

namespace OnnxPriors.Cli.Conformance;

/// <summary>Runs all cases of a folder under some engines, the engines side by side, each in a worker of its own.</summary>
/// <param name="root">The folder.</param>
/// <param name="engines">The engines.</param>
/// <param name="limit">How long one case may take under one engine.</param>
internal sealed class ConformanceRun(string root, IReadOnlyList<string> engines, TimeSpan limit)
{
    private int done;

    /// <summary>A verdict for each case and engine, in the order of the cases, the engines of one together.</summary>
    public IReadOnlyList<ConformanceVerdict> Run(IReadOnlyList<ConformanceCase> cases, IProgressReport progress, CancellationToken cancellation)
    {
        var columns = Task.WhenAll(engines.Select(engine => RunAsync(cases, engine, progress, cancellation))).GetAwaiter().GetResult();
        return [.. Enumerable.Range(0, cases.Count).SelectMany(i => columns.Select(column => column[i]))];
    }

    private async Task<ConformanceVerdict[]> RunAsync(IReadOnlyList<ConformanceCase> cases, string engine, IProgressReport progress, CancellationToken cancellation)
    {
        var verdicts = new ConformanceVerdict[cases.Count];
        EngineWorker? worker = null;
        try
        {
            for (var i = 0; i < verdicts.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                worker ??= await EngineWorker.StartAsync(root, engine, cancellation);
                var (verdict, problem) = await worker.RunAsync(i, limit, cancellation);
                if (verdict is null)
                {
                    worker.Dispose();
                    worker = null;
                }
                verdicts[i] = verdict ?? new(cases[i].Name, engine, ConformanceStatus.Fail, problem);
                progress.Report(Interlocked.Increment(ref done), detail: $"{engine}: {cases[i].Name}");
            }
            return verdicts;
        }
        finally
        {
            worker?.Dispose();
        }
    }
}
