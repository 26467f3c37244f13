#pragma once

#include "CoreMinimal.h"
#include "ProceduralMeshComponent.h"
#include "VoxMeshReceiver.h"

#include "VoxMeshComponent.generated.h"

/** The face that a publisher sends (voxmesh live), as a mesh that moves. Put it on any actor. */
UCLASS(ClassGroup = (VoxMesh), meta = (BlueprintSpawnableComponent))
class VOXMESH_API UVoxMeshComponent : public UProceduralMeshComponent
{
    GENERATED_BODY()

public:
    UVoxMeshComponent(const FObjectInitializer& Initializer);

    /** Where voxmesh live publishes. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "voxmesh")
    FString Endpoint = TEXT("tcp://127.0.0.1:5556");

    /** Where it asks for keys (voxmesh live --key): its public key, and our own pair; 40 characters each. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "voxmesh")
    FString ServerKey;
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "voxmesh")
    FString PublicKey;
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "voxmesh")
    FString SecretKey;

    /** Draws triangles from their other side. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "voxmesh")
    bool bFlipFaces = false;

    /** Frames that never arrived. */
    UFUNCTION(BlueprintPure, Category = "voxmesh")
    int64 GetMissed() const;

    /** Why nothing can be read, for example that the publisher is newer than this plugin; empty when all is well. */
    UFUNCTION(BlueprintPure, Category = "voxmesh")
    FString GetRefusal() const;

    virtual void BeginPlay() override;
    virtual void EndPlay(const EEndPlayReason::Type Reason) override;
    virtual void TickComponent(float DeltaTime, ELevelTick Tick, FActorComponentTickFunction* Function) override;

private:
    void Show(const voxmesh::Topology& Topology);
    void Move(const std::vector<float>& Metres);

    TUniquePtr<voxmesh::Receiver> Receiver;
    voxmesh::Frame Frame;
    TArray<int32> Triangles;
    TArray<FVector> Points, Normals;
    TArray<FColor> Colors;
};
