using System.Globalization;

namespace OnnxPriors.Cli.Display;

/// <summary>Hears how far a piece of work is; from any thread.</summary>
internal interface IProgressReport
{
    /// <summary>Says how far the work is.</summary>
    /// <param name="done">The units done.</param>
    /// <param name="detail">What else is worth seeing: <c>loss 1.234</c>.</param>
    /// <param name="rate">The throughput to show, where it is not units a second: <c>312 images/s</c>.</param>
    /// <param name="remaining">The time that remains, where the work knows it better.</param>
    void Report(long done, string? detail = null, string? rate = null, TimeSpan? remaining = null);
}

/// <summary>Says nothing.</summary>
internal sealed class SilentProgress : IProgressReport
{
    public void Report(long done, string? detail = null, string? rate = null, TimeSpan? remaining = null)
    {
    }
}

/// <summary>How throughput and times are written.</summary>
internal static class ProgressText
{
    /// <summary>Units a second, or seconds a unit where they are fewer.</summary>
    public static string Rate(double perSecond, string unit) => perSecond switch
    {
        >= 100 => string.Create(CultureInfo.InvariantCulture, $"{perSecond:F0} {unit}/s"),
        >= 1 => string.Create(CultureInfo.InvariantCulture, $"{perSecond:F1} {unit}/s"),
        > 0 => string.Create(CultureInfo.InvariantCulture, $"{perSecond * 60:F1} {unit}/min"),
        _ => "",
    };

    /// <summary>A time as minutes and seconds, with hours where there are any.</summary>
    public static string Time(TimeSpan time) => time.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}")
        : string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time.Seconds:00}");

    /// <summary>The time that remains at the throughput so far; null where it cannot be told.</summary>
    public static TimeSpan? Remaining(long done, long total, TimeSpan elapsed) =>
        done <= 0 || total <= 0 ? null : elapsed * ((double)Math.Max(0, total - done) / done);
}
