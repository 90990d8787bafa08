import { useDeleteConfig } from '../../../api/configs';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, type ProviderName } from '../../../providers';
import { ConfirmDialog } from '../../ui/Dialog';
import { useToast } from '../../ui/Toast';

interface RemoveProviderProps {
  readonly provider: ProviderName;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function RemoveProvider({ provider, open, onClose }: RemoveProviderProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const remove = useDeleteConfig(provider);
  const name = displayName(provider);
  const run = () =>
    remove.mutate(undefined, {
      onSuccess: () => toast.done({ title: t('remove.done', { name }) }),
      onError: toast.refused,
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
