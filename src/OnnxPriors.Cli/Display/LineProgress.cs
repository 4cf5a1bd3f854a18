using System.Globalization;

namespace OnnxPriors.Cli.Display;

/// <summary>Progress as plain lines, one every few seconds and one at the end: for logs, pipes and terminals that cannot move the cursor.</summary>
internal sealed class LineProgress : IProgressReport
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly string title;
    private readonly long total;
    private readonly string unit;
    private readonly TextWriter writer;
    private readonly TimeProvider clock;
    private readonly long begun;
    private readonly Lock gate = new();
    private TimeSpan shown;
    private string? last;

    private LineProgress(string title, long total, string unit, TextWriter writer, TimeProvider clock)
    {
        (this.title, this.total, this.unit, this.writer, this.clock) = (title, total, unit, writer, clock);
        begun = clock.GetTimestamp();
    }

    /// <summary>Does work with its progress written to <paramref name="writer"/>.</summary>
    public static T Run<T>(string title, long total, string unit, TextWriter writer, TimeProvider clock, Func<IProgressReport, T> work)
    {
        var progress = new LineProgress(title, total, unit, writer, clock);
        var result = work(progress);
        progress.Finish();
        return result;
    }

    public void Report(long done, string? detail = null, string? rate = null, TimeSpan? remaining = null)
    {
        lock (gate)
        {
            var elapsed = clock.GetElapsedTime(begun);
            var left = remaining ?? ProgressText.Remaining(done, total, elapsed);
            string?[] parts =
            [
                total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{done}/{total} {unit}") : $"{done} {unit}",
                rate ?? ProgressText.Rate(done / Math.Max(1e-9, elapsed.TotalSeconds), unit),
                left is { } time && done < total ? ProgressText.Time(time) + " left" : null,
                detail,
            ];
            last = $"{title}: {string.Join(", ", parts.Where(part => !string.IsNullOrEmpty(part)))}";
            if (elapsed - shown < Interval)
                return;
            shown = elapsed;
            Write();
        }
    }

    private void Finish()
    {
        lock (gate)
            if (last is not null)
                Write();
    }

    private void Write()
    {
        lock (writer)
            writer.WriteLine(last);
        last = null;
    }
}
