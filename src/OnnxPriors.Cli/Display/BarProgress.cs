using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OnnxPriors.Cli.Display;

/// <summary>Progress as a bar that moves, with throughput, the time that remains and what the work says of itself.</summary>
internal sealed class BarProgress(ProgressTask task, long total, string unit) : IProgressReport
{
    private readonly long begun = Stopwatch.GetTimestamp();

    /// <summary>Does work with its progress shown.</summary>
    public static T Run<T>(string title, long total, string unit, IAnsiConsole screen, Func<IProgressReport, T> work) =>
        screen.Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new FactsColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, total));
                task.IsIndeterminate = total <= 0;
                var result = work(new BarProgress(task, total, unit));
                task.IsIndeterminate = false;
                task.Value = task.MaxValue;
                return result;
            });

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
        task.State.Update<string>(FactsColumn.Key, _ => string.Join("  ", parts.Where(part => !string.IsNullOrEmpty(part))));
        task.Value = Math.Min(done, task.MaxValue);
    }

    /// <summary>Shows what <see cref="Report"/> put together.</summary>
    private sealed class FactsColumn : ProgressColumn
    {
        public const string Key = "facts";

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.State.Get<string>(Key) ?? "");
    }
}
