using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OnnxPriors.Cli.Display;

/// <summary>Progress as a bar that moves, with throughput, the time that remains and what the work says of itself.</summary>
internal sealed class BarProgress : IProgressReport
{
    private readonly ProgressTask task;
    private readonly FactsColumn facts;
    private readonly long total;
    private readonly string unit;
    private readonly long begun = Stopwatch.GetTimestamp();

    private BarProgress(ProgressTask task, FactsColumn facts, long total, string unit) =>
        (this.task, this.facts, this.total, this.unit) = (task, facts, total, unit);

    /// <summary>Does work with its progress shown.</summary>
    public static T Run<T>(string title, long total, string unit, IAnsiConsole screen, Func<IProgressReport, T> work)
    {
        var facts = new FactsColumn();
        return screen.Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 24 }, new PercentageColumn(), facts)
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, total));
                task.IsIndeterminate = total <= 0;
                var result = work(new BarProgress(task, facts, total, unit));
                task.IsIndeterminate = false;
                task.Value = task.MaxValue;
                return result;
            });
    }

    public void Report(long done, string? detail = null, string? rate = null, TimeSpan? remaining = null)
    {
        var elapsed = Stopwatch.GetElapsedTime(begun);
        var left = remaining ?? ProgressText.Remaining(done, total, elapsed);
        string?[] parts =
        [
            rate ?? ProgressText.Rate(done / Math.Max(1e-9, elapsed.TotalSeconds), unit),
            left is { } time && done < total ? ProgressText.Time(time) + " left" : null,
            detail,
        ];
        facts.Shown = string.Join("  ", parts.Where(part => !string.IsNullOrEmpty(part)));
        task.Value = Math.Min(done, task.MaxValue);
    }

    /// <summary>Shows what <see cref="Report"/> put together.</summary>
    private sealed class FactsColumn : ProgressColumn
    {
        public volatile string Shown = "";

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(Shown);
    }
}
