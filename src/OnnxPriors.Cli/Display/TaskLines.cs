using System.Globalization;
using OnnxPriors.Cli.Training;
using Spectre.Console;

namespace OnnxPriors.Cli.Display;

/// <summary>What an evaluation says of a task beyond the line all tasks share.</summary>
internal static class TaskLines
{
    /// <summary>Shows a task's own measures.</summary>
    public static void Show(IAnsiConsole console, EvaluationReport report, IReadOnlyList<string>? classNames)
    {
        if (report.Regression is { } numbers)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rmse {numbers.Rmse:G5}   mae {numbers.Mae:G5}   r² {numbers.R2?.ToString("F4", CultureInfo.InvariantCulture) ?? "none"}   nll {report.Nll:F4}"));
        else
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"accuracy {report.Accuracy:P2}   nll {report.Nll:F4}   ece {report.Ece:F4}   brier {report.Brier:F4}"));
        if (report.MultiLabel is { } labels)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exact match {labels.ExactMatch:P2}   macro F1 {labels.MacroF1:F4}   mean AUROC {Number(labels.MeanAuroc)}"));
            var table = new Table().AddColumns("label", "F1", "AUROC", "positives");
            foreach (var (i, label) in labels.Labels.Index())
                table.AddRow(Name(i), Number(label.F1), Number(label.Auroc), label.Positives.ToString(CultureInfo.InvariantCulture));
            console.Write(table);
        }
        if (report.Segmentation is { } pixels)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean IoU {pixels.MeanIou:F4}   mean class accuracy {pixels.MeanClassAccuracy:P2}   {pixels.Pixels:N0} pixels"));
            var table = new Table().AddColumns("class", "IoU", "share of truth", "share predicted");
            foreach (var (i, one) in pixels.Classes.Index())
                table.AddRow(Name(i), Number(one.Iou), Share(one.Truth), Share(one.Predicted));
            console.Write(table);

            string Share(long count) => ((double)count / Math.Max(1, pixels.Pixels)).ToString("P2", CultureInfo.InvariantCulture);
        }

        string Name(int i) => Markup.Escape(classNames?.ElementAtOrDefault(i) ?? i.ToString(CultureInfo.InvariantCulture));
        static string Number(double? value) => value?.ToString("F4", CultureInfo.InvariantCulture) ?? "none";
    }
}
