namespace OnnxPriors.Cli;

/// <summary>What the process says when it ends.</summary>
internal static class ExitCode
{
    /// <summary>All was done.</summary>
    public const int Done = 0;

    /// <summary>The work failed: a limit was exceeded, the disk is full, something unforeseen.</summary>
    public const int Failed = 1;

    /// <summary>What was asked for or given cannot be used.</summary>
    public const int BadInput = 2;

    /// <summary>Ctrl-C: 128 and the signal's number, as shells count.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM.</summary>
    public const int Terminated = 143;
}
