import { useDeleteConfig } from '@/api/configs';
import { displayName, type ProviderName } from '@/api/providers';
import { ConfirmDialog } from '@/components/ui/ConfirmDialog';
import { useToast } from '@/components/ui/Toast';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';

interface RemoveProviderDialogProps {
  readonly provider: ProviderName;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function RemoveProviderDialog({ provider, open, onClose }: RemoveProviderDialogProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const remove = useDeleteConfig(provider);
  const name = displayName(provider);
  const run = () =>
    remove.mutate(undefined, {
      onSuccess: () => toast.success({ title: t('remove.done', { name }) }),
      onError: toast.problem,
      onSettled: onClose,
    });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title={t('remove.title', { name })}
      confirmLabel={t('provider.remove')}
      onConfirm={run}
      busy={remove.isPending}
    >
      {t('remove.text')}
    </ConfirmDialog>
  );
}
