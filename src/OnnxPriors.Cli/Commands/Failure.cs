using OnnxPriors.Runtime.Training;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Commands;

/// <summary>What an exception means to the one who typed the command.</summary>
internal static class Failure
{
    // errno ENOSPC and EDQUOT of Linux and macOS as .NET passes them on, and ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
    private static readonly int[] DiskFull = [28, 122, 69, unchecked((int)0x80070027), unchecked((int)0x80070070)];

    /// <summary>The exit code and one message.</summary>
    /// <param name="problem">What was thrown.</param>
    /// <param name="signalled">The exit code of the signal that came before, if one did.</param>
    public static (int Code, string Message) Explain(Exception problem, int? signalled)
    {
        var (code, message) = Meaning(problem, signalled);
        return (code, AtomicFile.WithFinalNames(message));
    }

    private static (int Code, string Message) Meaning(Exception problem, int? signalled)
    {
        if (signalled is { } code && IsCancellation(problem))
            return (code, code == ExitCode.Terminated ? "terminated." : "cancelled.");
        return problem switch
        {
            TrainingFailedException or FitFailedException => (ExitCode.Failed, problem.Message),
            AggregateException { InnerExceptions: [var only] } => Meaning(only, signalled),
            OnnxPriorsException { InnerException: IOException inner } when IsDiskFull(inner) => (ExitCode.Failed, DiskFullMessage(inner)),
            OnnxPriorsException => (ExitCode.BadInput, problem.Message),
            OperationCanceledException => (ExitCode.Interrupted, "cancelled."),
            IOException io when IsDiskFull(io) => (ExitCode.Failed, DiskFullMessage(io)),
            FileNotFoundException or DirectoryNotFoundException or PathTooLongException => (ExitCode.BadInput, problem.Message),
            IOException or UnauthorizedAccessException => (ExitCode.Failed, problem.Message),
            OutOfMemoryException => (ExitCode.Failed, "there is not enough memory. Use a smaller batch, or a machine with more."),
            _ => (ExitCode.Failed, $"{problem.Message} ({problem.GetType().Name}; this was not foreseen: --verbose shows where it happened)"),
        };
    }

    private static bool IsCancellation(Exception problem) =>
        problem is OperationCanceledException || problem is AggregateException several && several.InnerExceptions.All(IsCancellation);

    private static bool IsDiskFull(IOException problem) => DiskFull.Contains(problem.HResult);

    private static string DiskFullMessage(IOException problem) => $"the disk is full: {problem.Message.TrimEnd('.')}. Nothing half-written is left behind. Make room and run the command again.";
}
