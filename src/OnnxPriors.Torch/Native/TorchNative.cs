using System.Runtime.InteropServices;
using TorchSharp;

namespace OnnxPriors.Torch.Native;

/// <summary>
/// Makes TorchSharp's native library loadable on Linux hosts whose libstdc++ is older than the one it was built with (Debian 12,
/// Ubuntu 22.04), and does nothing anywhere else.
/// </summary>
/// <remarks>
/// Where the host lacks the version, a private copy with the requirement marked weak (<see cref="VersionShim"/>) is loaded before
/// TorchSharp starts. The libtorch libraries it depends on are loaded first, from their own place, since the copy has no neighbours;
/// the dynamic linker then finds them, and later the copy itself, by the names they carry (DT_SONAME).
/// </remarks>
public static partial class TorchNative
{
    private const string LibraryName = "LibTorchSharp";
    private const string FileName = "libLibTorchSharp.so";

    private static readonly string[] Dependencies = ["libc10.so", "libtorch_cpu.so", "libtorch.so"];
    private static readonly Lazy<TorchNativeState> State = new(Load);

    /// <summary>Prepares TorchSharp's native library for loading. Call it before the first use of TorchSharp; later calls cost nothing.</summary>
    /// <returns>What was done.</returns>
    /// <exception cref="TorchNativeException">The library needs what this system does not have, and no private copy can be loaded.</exception>
    public static TorchNativeState EnsureLoaded() => State.Value;

    /// <summary>Where TorchSharp's native library lies, or null where the application carries none.</summary>
    internal static string? Find(string fileName) =>
        SearchFolders().Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);

    private static TorchNativeState Load()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return TorchNativeState.NotNeeded;
        if (Find(FileName) is not { } path || HostHas(VersionShim.Version, VersionShim.Symbol)) return TorchNativeState.NotNeeded;
        byte[]? copy;
        try
        {
            copy = VersionShim.Weaken(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new TorchNativeException($"'{path}' cannot be read as a library: {error.Message} Restore the TorchSharp package again.", error);
        }
        if (copy is null) return TorchNativeState.NotNeeded;
        foreach (string dependency in Dependencies)
            if (Find(dependency) is { } found && !NativeLibrary.TryLoad(found, out _))
                throw new TorchNativeException($"libtorch's '{found}' does not load; restore the libtorch package again.");
        nint handle = PrivateCopy.Load(copy, FileName);
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, (name, _, _) => name == LibraryName ? handle : 0);
        return TorchNativeState.PrivateCopy;
    }

    /// <summary>Whether the libstdc++ of this process defines a symbol in a version.</summary>
    private static bool HostHas(string version, string symbol)
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out nint library)) return false;
        try
        {
            return VersionedSymbol(library, symbol, version) != 0;
        }
        catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library than glibc: its linker does not check symbol versions.
            return true;
        }
    }

    private static IEnumerable<string> SearchFolders()
    {
        string paths = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        foreach (string folder in paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)) yield return folder;
        string? beside = Path.GetDirectoryName(typeof(torch).Assembly.Location);
        foreach (string? root in new[] { AppContext.BaseDirectory, beside })
        {
            if (string.IsNullOrEmpty(root)) continue;
            yield return root;
            yield return Path.Combine(root, "runtimes", "linux-x64", "native");
        }
    }

    [LibraryImport("libdl.so.2", EntryPoint = "dlvsym", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint VersionedSymbol(nint library, string symbol, string version);
}

/// <summary>What <see cref="TorchNative.EnsureLoaded"/> did.</summary>
public enum TorchNativeState
{
    /// <summary>The host has what the library asks for, or it is none of this shim's business: TorchSharp loads it itself.</summary>
    NotNeeded,

    /// <summary>A private copy with the version requirement marked weak is loaded.</summary>
    PrivateCopy,
}
