using System.Diagnostics;

namespace OnnxPriors.Cli.Tests.BadInput;

/// <summary>A file system of a few kilobytes, for as long as a test lasts.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string path;

    /// <summary>Mounts one on a folder.</summary>
    public SmallDisk(string path, int kilobytes)
    {
        this.path = Directory.CreateDirectory(path).FullName;
        if (!Command("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", this.path))
            throw new InvalidOperationException($"'{path}' could not be mounted on.");
    }

    /// <summary>Whether this process may mount file systems.</summary>
    public static bool IsPossible { get; } = Try();

    /// <summary>Gives it another size.</summary>
    public void Resize(int kilobytes) => Assert.IsTrue(Command("mount", "-o", $"remount,size={kilobytes}k", path));

    public void Dispose() => Assert.IsTrue(Command("umount", path));

    private static bool Try()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return false;
        var folder = Directory.CreateTempSubdirectory("onnxpriors-mount-").FullName;
        try
        {
            using var disk = new SmallDisk(folder, 64);
            return true;
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    private static bool Command(string name, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

/// <summary>Skips a test, with the reason, where no file system can be mounted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresSmallDiskAttribute : ConditionBaseAttribute
{
    public RequiresSmallDiskAttribute() : base(ConditionMode.Include) =>
        IgnoreMessage = "A small file system to fill is mounted with 'mount -t tmpfs', which needs Linux and root.";

    public override string GroupName => "RequiresSmallDisk";

    public override bool IsConditionMet => SmallDisk.IsPossible;
}
